"""A model that can do everything, in closed form, so that what a use makes of it is known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from jaxgen import data, experiment, fields, parallel
from jaxgen.data import vocabulary as vocabularies
from jaxgen.data.source import from_arrays
from jaxgen.types import Estimate, Field, GenerativeModel
from jaxgen.uses import Options, Subject
from tests.tiny_config import get_config

IMAGES = {'x': Field('image', (8, 8, 1), 17), 'label': Field('label', (), 10)}


def labelled(num, spec, seed=0):
  """Examples whose every entry is their label, and so easy to tell apart; other fields are x upside down."""
  label = np.random.default_rng(seed).integers(10, size=num)
  arrays = {}
  for name, field in spec.items():
    if name == 'label':
      arrays[name] = label
    else:
      arrays[name] = np.broadcast_to(label.reshape(-1, *[1] * len(field.shape)), (num, *field.shape)).copy()
      if name != 'x':
        arrays[name] = field.levels - 1 - arrays[name]
  return {name: array.astype(fields.dtype(spec[name])) for name, array in arrays.items()}


def model_of(spec, given=(), **changes):
  """Draws its label everywhere (and noise in the first entry); encodes x as it is, in units of 1."""
  x = spec['x']

  def sample(params, extra, rng, num, given=None, temperature=1.0, steps=3):
    noise = jax.random.randint(rng, (num,), 0, 10)
    value = given['label'] if given and 'label' in given else noise
    drawn = jnp.broadcast_to(value.reshape(-1, *[1] * len(x.shape)), (num, *x.shape))
    return (drawn * temperature).astype(fields.dtype(x))

  def log_prob(params, extra, rng, batch):
    centre = batch['label'] if 'label' in given else jnp.zeros(len(batch['x']))
    centre = centre.reshape(-1, *[1] * len(x.shape))
    return -((batch['x'].astype(jnp.float32) - centre) ** 2).reshape(len(batch['x']), -1).sum(-1)

  def decode(params, extra, latents, given=None):
    return jnp.clip(jnp.round(latents['z']), 0, max(x.levels - 1, 1)).astype(fields.dtype(x))

  def complete(params, extra, rng, batch, observed):
    return jnp.where(observed, batch['x'], x.levels - 1).astype(fields.dtype(x))

  abilities = dict(
    sample=sample,
    log_prob=log_prob,
    log_prob_estimate=Estimate('exact', given=given),
    latents=lambda params, extra, rng, num: {'z': jax.random.normal(rng, (num, *x.shape))},
    encode=lambda params, extra, rng, batch: {'z': batch['x'].astype(jnp.float32)},
    decode=decode,
    complete=complete,
    trajectory=lambda params, extra, rng, num, given=None, **knobs: jnp.stack(
      [sample(params, extra, rng, num, given, **knobs)] * 3
    ),
    knobs={'temperature': 1.0, 'steps': 3},
    levels=(1, fields.size(x) - 1),
  )
  no_terms = lambda params, extra, rng, batch: {}  # noqa: E731
  fixed = dict(init=None, update=None, evaluate=no_terms, objective='loss = 0', given=given)
  return GenerativeModel(**fixed | abilities | changes)


class Made:
  """Makes subjects, and keeps their data."""

  def __init__(self, monkeypatch, folder):
    self._patch, self.folder = monkeypatch, folder

  def __call__(
    self, spec=IMAGES, given=(), options=None, without=(), twin=(), vocabulary=None, arrays=None, **changes
  ):
    config = data.resolved(get_config('smoke'), spec)
    with config.unlocked():
      config.given, config.data.without, config.data.twin = given, without, twin
    sizes = {'train': 60, 'validation': 20, 'test': 40}
    arrays = arrays or {
      split: labelled(size, spec, index) for index, (split, size) in enumerate(sizes.items())
    }
    self.folder.parent.mkdir(exist_ok=True)
    if vocabulary:
      vocabularies.save(self.folder.parent, vocabulary)
    sources = {split: from_arrays(split, spec, each, vocabulary) for split, each in arrays.items()}
    self._patch.setattr(data, 'load', lambda config, split: sources[split])
    state = parallel.initial_state({'w': jnp.zeros(1)}, {}, (), jax.random.key(0))
    model = model_of(spec, given, **changes)
    self.trained = experiment.Trained(ConfigDict(config), model, state)
    self._patch.setattr(experiment, 'load', lambda *_: self.trained)
    return Subject(self.trained, options or Options(), self.folder)


@pytest.fixture
def make(monkeypatch, tmp_path):
  """`make(spec, given, options, ...) -> Subject`; `jaxgen.uses.use` then uses the same model."""
  return Made(monkeypatch, tmp_path / 'sampled')
