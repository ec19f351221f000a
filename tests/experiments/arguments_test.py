"""What cannot be asked of an experiment ends in one sentence, with exit code 2, before anything is done."""

import importlib
import sys

import pytest

from experiments import arguments


@pytest.mark.parametrize(
  ('module', 'asked', 'sentence'),
  [
    ('toy_densities.__main__', '--like=zuko', "invalid choice: 'zuko'"),
    ('toy_densities.__main__', '--flows=gaussian,nosuch', '"nosuch" is none of gaussian,'),
    ('speed.__main__', '--models=vae_digits,nosuch', '"nosuch" is none of'),
    ('speed.__main__', '--parts=nosuch', '"nosuch" is none of models, first_step, waiting, run'),
    ('speed.metrics', '--parts=', '"" is none of inception,'),
    ('toy_modes.__main__', '--sets=toy:rings', '"toy:rings" is none of toy:grid_25'),
    ('biggan_vs_vae.__main__', '--recipes=deeper', '"deeper" is none of base, deep'),
    ('biggan_vs_vae.__main__', '--families=flow', '"flow" is none of gan, vae'),
    ('biggan_vs_vae.__main__', '--steps=50', '50 is no multiple of 4, the moments of measuring'),
    ('speed.gans.__main__', '--models=nosuch', '"nosuch" is none of dcgan, sngan, biggan, stylegan2'),
    ('speed.autoencoders.__main__', '--models=nosuch', '"nosuch" is none of vae, iwae_5, iwae_50, infovae'),
    ('speed.flows.__main__', '--flows=nosuch', '"nosuch" is none of spline, maf, glow'),
    ('speed.flows.__main__', '--parts=flow', '"flow" is none of flows, depth'),
    ('speed.flows.__main__', '--batches=64,0', '"0" is no whole number above 0'),
    ('speed.flows.__main__', '--depths=deep', '"deep" is no whole number above 0'),
    ('speed.flows.__main__', '--rounds=few', '"few" is no whole number above 0'),
  ],
)
def test_it_is_refused(module, asked, sentence, monkeypatch, capsys):
  name, _, _ = asked.partition('=')
  monkeypatch.setattr(sys, 'argv', ['', asked])
  with pytest.raises(SystemExit) as ended:
    arguments.run(importlib.import_module(f'experiments.{module}').main)
  out, err = capsys.readouterr()
  assert (ended.value.code, out) == (2, '')
  assert err.startswith(f'jaxgen: Argument {name}: {sentence}') and err.count('\n') == 1


def test_what_can_be_asked_is_a_tuple():
  assert arguments.several(('a', 'b', 'c'))('c,a') == ('c', 'a')
  assert arguments.counts('1,64') == (1, 64)
