"""The claims about adversarial networks, on small ones: two perceptrons of two hidden layers of 128 units."""

import math

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from experiments.microscope import lab as labs
from experiments.microscope.claims.claim import Evidence, averaged
from experiments.microscope.claims.encoder import encoder_gan
from experiments.microscope.lab import Lab, NotHere, curve, values
from experiments.microscope.verdict import Test, seeds_in_words
from jaxgen import fields
from jaxgen.data import toy
from jaxgen.families.conditions import joined
from jaxgen.settings import gan as settings

_SAMPLES = 500
_MOMENTS = 8
_RATE = 1e-3


class Generator(nn.Module):
  """z, conditions -> pixels in [-1, 1]; the activation is the one thing that varies."""

  hidden: tuple[int, ...]
  shape: tuple[int, ...]
  slope: float

  @nn.compact
  def __call__(self, z, given, train):
    h = joined(z, given)
    for width in self.hidden:
      h = nn.leaky_relu(nn.Dense(width)(h), self.slope)
    return jnp.tanh(nn.Dense(math.prod(self.shape))(h)).reshape(-1, *self.shape)


class Discriminator(nn.Module):
  """x, conditions -> logits."""

  hidden: tuple[int, ...]
  slope: float

  @nn.compact
  def __call__(self, x, given, train):
    h = joined(x.reshape(x.shape[0], -1), given)
    for width in self.hidden:
      h = nn.leaky_relu(nn.Dense(width)(h), self.slope)
    return nn.Dense(1)(h)[:, 0]


def gan(lab: Lab, name: str = 'gan', changes: dict | None = None, slope: float | None = None) -> list[dict]:
  """An arm: the small GAN with these keys changed; with a `slope`, one activation for both networks."""
  config = lab.config('gan_toy', _BASE | {'ema_decay': 0.99} | (changes or {}))
  model = None
  if slope is not None:
    shape = fields.of(config)['x'].shape
    networks = Generator(config.model.hidden, shape, slope), Discriminator(config.model.hidden, slope)
    model = settings.assemble(config, *networks)
  metrics = ('frechet_distance', 'density_coverage', 'class_modes')
  return labs.arm(lab, name, config, metrics=metrics, moments=_MOMENTS, model=model, samples=_SAMPLES)


_PLAYERS = {
  'model.hidden': (128, 128),
  'optimizer.learning_rate': _RATE,
  'optimizer.schedule': 'constant',
  'discriminator_optimizer.learning_rate': _RATE,
  'discriminator_optimizer.schedule': 'constant',
}
_BASE = _PLAYERS | {'model.latent_dim': 32, 'model.penalty_weight': 0.1}


def fast_discriminator(lab: Lab) -> Evidence:
  """A discriminator's rate ten times higher slows convergence."""
  base, fast = gan(lab), gan(lab, 'gan-d10', {'discriminator_optimizer.learning_rate': 10 * _RATE})
  ratio = np.exp(_mean_log(fast) - _mean_log(base)) if len(_mean_log(fast)) == len(_mean_log(base)) else []
  return Evidence(
    [
      Test(
        'Fréchet distance over the run (geometric mean), ten times over equal rates', ratio, 1.0, ratio=True
      )
    ],
    [_curves({'equal rates': base, "discriminator's rate x 10": fast})],
    _how(
      lab,
      f"A small GAN (non-saturating loss, R1), both rates {_RATE:g} or the discriminator's ten times that.",
    ),
  )


def leaky(lab: Lab) -> Evidence:
  """Leaky ReLU hurts here."""
  relu, leaky = gan(lab, 'gan-relu', slope=0.0), gan(lab, 'gan-leaky', slope=0.2)
  return Evidence(
    [Test('final Fréchet distance, leaky ReLU over ReLU', _final_ratio(leaky, relu), 1.0, ratio=True)],
    [_curves({'ReLU': relu, 'leaky ReLU (0.2)': leaky})],
    _how(
      lab,
      'A small GAN with one activation in all hidden layers of both networks: ReLU, or leaky ReLU of slope 0.2.',
    ),
  )


def small_batches(lab: Lab) -> Evidence:
  """Small batches make GANs unstable."""
  base, small = gan(lab), gan(lab, 'gan-batch8', {'batch_size': 8})
  restless = [_restlessness(arm) for arm in (small, base)]
  with np.errstate(invalid='ignore', divide='ignore'):  # a run that never moved has no ratio
    ratio = np.divide(*restless) if len(restless[0]) == len(restless[1]) else []
  return Evidence(
    [
      Test(
        'fluctuation of the Fréchet distance in the second half of training, batch 8 over 64',
        ratio,
        1.0,
        ratio=True,
      )
    ],
    [_curves({'batch 64': base, 'batch 8': small})],
    _how(
      lab,
      'A small GAN with 64 and with 8 examples a step, for as many steps. Unstable is what moves: the '
      'standard deviation of the logarithm of the Fréchet distance over the moments in the second half of a run.',
    ),
  )


def labels_help(lab: Lab) -> Evidence:
  """Labels in the discriminator improve samples."""
  if 'label' not in lab.tools.reference.spec:
    raise NotHere('This data has no labels.')
  base, labelled = gan(lab), gan(lab, 'gan-labels', {'given': ('label',)})
  return Evidence(
    [Test('final Fréchet distance, without over with labels', _final_ratio(base, labelled), 1.0, ratio=True)],
    [_curves({'without labels': base, 'with labels': labelled})],
    _how(lab, 'A small GAN, both of whose networks are given the label or not; sampled labels are uniform.'),
  )


def encoder_helps(lab: Lab) -> Evidence:
  """An encoder in front of the generator helps."""
  config = lab.config('gan_toy', _BASE | {'ema_decay': 0.99})
  base = gan(lab)
  metrics = ('frechet_distance', 'density_coverage', 'class_modes')
  model = encoder_gan(config)
  front = labs.arm(
    lab, 'gan-encoder', config, metrics=metrics, moments=_MOMENTS, model=model, samples=_SAMPLES
  )
  return Evidence(
    [Test('final Fréchet distance, without over with encoder', _final_ratio(base, front), 1.0, ratio=True)],
    [_curves({'GAN': base, 'GAN with encoder': front})],
    _how(
      lab,
      'A small GAN, and the same with an encoder of the same size in front of the generator (Larsen et al. '
      '2016, with the squared error in pixels): the generator also reconstructs, and the discriminator sees '
      'reconstructions too.',
    ),
  )


def dropped_modes(lab: Lab) -> Evidence:
  """GANs drop modes, and collapse when the generator's rate is ten times higher."""
  base, fast = _on_grid(lab, 'grid'), _on_grid(lab, 'grid-g10', {'optimizer.learning_rate': 10 * _RATE})
  gentle = _on_grid(lab, 'grid-r1', {'model.penalty': 'r1', 'model.penalty_weight': 0.1})
  arms = {'equal rates': base, "generator's rate x 10": fast, 'equal rates, with R1': gentle}
  missed = 25 - np.array(values(base, 'modes'))
  rows = [{'name': name, 'values': values(arm, 'modes')} for name, arm in arms.items()]
  panels = [{'name': name, 'points': arm[0]['moments'][-1].get('points', [])} for name, arm in arms.items()]
  return Evidence(
    [
      Test('modes of 25 that a GAN misses', missed),
      Test(
        'modes lost when the generator is ten times as fast',
        np.subtract(values(base, 'modes'), values(fast, 'modes')),
      ),
    ],
    [
      {'kind': 'dots', 'x': 'modes reached, of 25', 'rows': rows, 'rule': {'x': 25, 'name': 'all'}},
      {'kind': 'scatter', 'panels': panels, 'limit': 2.75},
    ],
    f'A small GAN on 25 Gaussians in the plane, non-saturating loss without a penalty, {lab.steps * 2:,} steps '
    f'of 256, {seeds_in_words(len(lab.seeds))}, 2,000 samples with averaged weights. A mode is reached if '
    f'{labs.MODES_NEED}.',
    'With R1 for comparison: it takes no part in the verdict.',
  )


def _on_grid(lab, name, changes=None):
  base = _PLAYERS | {
    'model.penalty': '',
    'model.penalty_weight': 0.0,
    'num_steps': 2 * lab.steps,
    'batch_size': 256,
  }
  config = lab.config('gan_toy', base | (changes or {}), 'grid_25')
  return labs.arm(lab, name, config, probe=_modes)


def _modes(lab, model, params, extra, seed):
  x = jax.jit(model.sample, static_argnums=3)(params, extra, jax.random.key(seed), 2000)
  return {'modes': labs.modes_reached(x, toy.DENSITIES['grid_25']), 'points': labs.for_picture(x)}


def _curves(arms):
  series = [
    {
      'name': name,
      'points': list(zip(_steps(arm), np.exp(np.log(curve(arm, 'frechet_distance')).mean(0)), strict=True)),
      'low': list(curve(arm, 'frechet_distance').min(0)),
      'high': list(curve(arm, 'frechet_distance').max(0)),
    }
    for name, arm in arms.items()
    if len(curve(arm, 'frechet_distance'))
  ]
  return {'kind': 'lines', 'x': 'training step', 'y': 'Fréchet distance', 'log_y': True, 'series': series}


def _steps(arm):
  return [moment['step'] for moment in next(result for result in arm if not result['failure'])['moments']]


def _mean_log(arm):
  return np.log(curve(arm, 'frechet_distance')).mean(1)


def _restlessness(arm):
  return np.log(curve(arm, 'frechet_distance'))[:, -_MOMENTS // 2 :].std(1)


def _final_ratio(first, second):
  return np.divide(values(first, 'frechet_distance'), values(second, 'frechet_distance'))


def _how(lab, text):
  return f'{text} {averaged(lab, _SAMPLES, lab.steps)}'
