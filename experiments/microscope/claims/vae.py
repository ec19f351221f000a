"""The claims about variational autoencoders, on a small one: two hidden layers of 128 units."""

import numpy as np

from experiments.microscope import lab as labs
from experiments.microscope.claims.claim import Evidence, averaged
from experiments.microscope.lab import Lab, curve, values
from experiments.microscope.verdict import Test, seeds_in_words

BETAS = (0.1, 0.3, 1.0, 3.0, 10.0)
LATENTS = (2, 4, 16, 32)
# Every optimizer at several rates, of which its best one counts.
RATES = {'adam': (3e-4, 1e-3, 3e-3), 'rmsprop': (1e-4, 3e-4, 1e-3), 'sgd': (1e-4, 3e-4, 1e-3)}
_METRICS = ('frechet_distance', 'density_coverage', 'sharpness', 'reconstruction_error')
_SAMPLES = 500


def vae(lab: Lab, name: str, changes: dict, **options) -> list[dict]:
  """An arm: the small VAE with these keys changed."""
  base = {
    'module': 'jaxgen.models.vae.vae_mlp',
    'model.hidden': (128, 128),
    'model.latent_dim': 16,
    'model.likelihood': 'discretized_logistic',
    'model.kl_weight': 1.0,
    'model.kl_warmup_steps': 0,
    'model.importance_samples': 4,
    'optimizer.learning_rate': 2e-3,
  }
  config = lab.config('vae_digits', base | changes)
  return labs.arm(
    lab, name, config, **{'metrics': _METRICS, 'probe': labs.test_terms, 'samples': _SAMPLES, **options}
  )


def l1_sharpens(lab: Lab) -> Evidence:
  """L1 in place of L2 sharpens a VAE."""
  sigma = 0.1
  l2 = vae(lab, 'vae-l2', {'model.likelihood': 'gaussian', 'model.likelihood_scale': sigma})
  l1 = vae(lab, 'vae-l1', {'model.likelihood': 'laplace', 'model.likelihood_scale': sigma / np.sqrt(2)})
  rows = [
    {'name': name, 'values': values(arm, 'sharpness')}
    for name, arm in (('L2 (Gaussian)', l2), ('L1 (Laplace)', l1))
  ]
  walls = [
    {'name': name, 'uri': arm[0]['wall']} for name, arm in (('L2', l2), ('L1', l1)) if 'wall' in arm[0]
  ]
  return Evidence(
    [Test('relative sharpness of samples, L1 less L2', _less(l1, l2, 'sharpness'))],
    [
      {'kind': 'dots', 'x': 'sharpness relative to data', 'rows': rows, 'rule': {'x': 1, 'name': 'data'}},
      {'kind': 'images', 'panels': walls},
    ],
    'A small VAE with a Gaussian (L2) and with a Laplace likelihood (L1) of the same standard deviation, '
    f'{sigma}, in units of the pixel range: {averaged(lab, _SAMPLES, lab.steps)}',
  )


def trade_off(lab: Lab) -> Evidence:
  """KL and reconstruction trade off."""
  arms = {beta: _with_beta(lab, beta) for beta in BETAS}
  series = [
    {
      'name': f'seed {seed}',
      'points': [
        [arms[b][seed]['moments'][-1]['kl'], arms[b][seed]['moments'][-1]['reconstruction']] for b in BETAS
      ],
      'labels': [f'β={b:g}' for b in BETAS] if seed == 0 else [],
    }
    for seed in lab.seeds
    if not any(arms[b][seed]['failure'] for b in BETAS)
  ]
  least, most = arms[BETAS[0]], arms[BETAS[-1]]
  return Evidence(
    [
      Test(f'KL in nats, β = {BETAS[0]:g} less β = {BETAS[-1]:g}', _less(least, most, 'kl')),
      Test(
        f'reconstruction term in nats, β = {BETAS[-1]:g} less β = {BETAS[0]:g}',
        _less(most, least, 'reconstruction'),
      ),
    ],
    [
      {'kind': 'lines', 'x': 'KL(q‖p), nats', 'y': 'reconstruction, −log p(x|z), nats', 'series': series},
      _swept('β', {b: arms[b] for b in BETAS}, 'frechet_distance', 'Fréchet distance of samples', log_y=True),
    ],
    'A small VAE at five weights β of the KL term; both terms on the test split, unweighted. '
    f'{averaged(lab, _SAMPLES, lab.steps)}',
  )


def larger_latents(lab: Lab) -> Evidence:
  """A larger z improves reconstruction and variety."""
  arms = {
    size: _with_beta(lab, 1.0) if size == 16 else vae(lab, f'vae-z{size}', {'model.latent_dim': size})
    for size in LATENTS
  }
  small, large = arms[LATENTS[0]], arms[16]
  better = np.divide(values(small, 'reconstruction_error'), values(large, 'reconstruction_error'))
  return Evidence(
    [
      Test(f'mean square error of reconstructions, {LATENTS[0]} dimensions over 16', better, 1.0, ratio=True),
      Test(f'coverage of samples, 16 dimensions less {LATENTS[0]}', _less(large, small, 'coverage')),
    ],
    [
      _swept(
        'dimensions of z', arms, 'reconstruction_error', 'mean square error of reconstructions', log_y=True
      ),
      _swept('dimensions of z', arms, 'coverage', 'coverage'),
    ],
    'A small VAE with 2 to 32 latent dimensions; the error is that of test images in [0, 1]. '
    f'{averaged(lab, _SAMPLES, lab.steps)}',
  )


def adam(lab: Lab) -> Evidence:
  """Adam converges faster than SGD and RMSProp."""
  best = {name: _best_rate(lab, name) for name in RATES}
  speed = {name: curve(arm, 'loss').mean(1) for name, (_, arm) in best.items()}
  size = min(map(len, speed.values()))
  series = [
    {
      'name': f'{name}, rate {rate:g}',
      'points': list(zip([m['step'] for m in arm[0]['moments']], curve(arm, 'loss').mean(0), strict=True)),
      'low': list(curve(arm, 'loss').min(0)),
      'high': list(curve(arm, 'loss').max(0)),
    }
    for name, (rate, arm) in best.items()
  ]
  return Evidence(
    [
      Test(f'loss in nats over the run, {other} less adam', speed[other][:size] - speed['adam'][:size])
      for other in ('sgd', 'rmsprop')
    ],
    [{'kind': 'lines', 'x': 'training step', 'y': 'test loss, nats', 'series': series}],
    'A small VAE; each optimizer at three rates, of which the best one by validation counts. What is compared is the '
    f'mean of the test loss over eight moments of a run of {lab.steps:,} steps at a constant rate; averaged weights, '
    f'{seeds_in_words(len(lab.seeds))}. SGD without momentum, RMSProp without momentum, Adam with b1 = 0.9.',
    'Of optimizers at the edge of the rates that were tried, better rates may lie outside.',
  )


def _best_rate(lab, name):
  arms = {rate: _with_optimizer(lab, name, rate) for rate in RATES[name]}
  whole = {rate: arm for rate, arm in arms.items() if not any(result['failure'] for result in arm)}
  return min((whole or arms).items(), key=lambda item: curve(item[1], 'validation_loss').mean())


def _with_optimizer(lab, name, rate):
  changes = {
    'optimizer.name': name,
    'optimizer.learning_rate': rate,
    'optimizer.schedule': 'constant',
    'ema_decay': 0.9,
  }
  return vae(lab, f'vae-{name}-{rate:g}', changes, metrics=(), moments=8, probe=labs.held_out_terms)


def _with_beta(lab, beta):
  return vae(lab, f'vae-beta{beta:g}', {'model.kl_weight': beta})


def _less(first, second, metric):
  return np.subtract(values(first, metric), values(second, metric))


def _swept(label, arms, metric, title, log_y=False):
  """A chart of a metric against the setting that the arms differ in."""
  points = [[setting, np.mean(values(arm, metric))] for setting, arm in arms.items()]
  low = [np.min(values(arm, metric)) for arm in arms.values()]
  high = [np.max(values(arm, metric)) for arm in arms.values()]
  series = [{'name': '', 'points': points, 'low': low, 'high': high}]
  return {'kind': 'lines', 'x': label, 'y': title, 'log_x': True, 'log_y': log_y, 'series': series}
