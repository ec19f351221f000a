"""Adversarial losses and penalties beside PyTorch, in value and gradient. A loss is one row.

`pip install -e '.[peers]'` installs it; without it these are skipped and say so.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.losses import gan

torch = pytest.importorskip('torch', reason="needs pip install -e '.[peers]'")
F = torch.nn.functional

NUM, CLASSES = 16, 5
KEY = jax.random.key(3)


def _logistic(logits, target):
  return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target), reduction='none')


def _classified(classes, labels):
  return F.cross_entropy(classes, labels, reduction='none')


def _with_generated(classes):
  return torch.cat([classes, torch.zeros_like(classes[:, :1])], 1)


def _k_plus_one(real_classes, fake_classes, real_labels):
  generated = torch.full_like(real_labels, CLASSES)
  probability = F.softmax(_with_generated(fake_classes), 1)[:, CLASSES]
  told = _classified(_with_generated(real_classes), real_labels)
  return told + _classified(_with_generated(fake_classes), generated), -torch.log1p(-probability)


def _auxiliary_classifier(real_logits, fake_logits, real_classes, fake_classes, real_labels, fake_labels):
  missed = _classified(fake_classes, fake_labels)
  discriminator = _logistic(real_logits, 1.0) + _logistic(fake_logits, 0.0)
  return discriminator + _classified(real_classes, real_labels) + missed, _logistic(fake_logits, 1.0) + missed


def _feature_matching(real_logits, fake_logits, real_features, fake_features):
  apart = F.mse_loss(fake_features.mean(0), real_features.mean(0), reduction='sum')
  return _logistic(real_logits, 1.0) + _logistic(fake_logits, 0.0), apart.expand(NUM)


# name -> both players' losses of all that the game needs
THEIRS = {
  'non_saturating': lambda real_logits, fake_logits: (
    _logistic(real_logits, 1.0) + _logistic(fake_logits, 0.0),
    _logistic(fake_logits, 1.0),
  ),
  'minimax': lambda real_logits, fake_logits: (
    _logistic(real_logits, 1.0) + _logistic(fake_logits, 0.0),
    -_logistic(fake_logits, 0.0),
  ),
  'hinge': lambda real_logits, fake_logits: (F.relu(1 - real_logits) + F.relu(1 + fake_logits), -fake_logits),
  'wasserstein': lambda real_logits, fake_logits: (fake_logits - real_logits, -fake_logits),
  'least_squares': lambda real_logits, fake_logits: (
    (F.mse_loss(real_logits, torch.ones(NUM).double(), reduction='none') + fake_logits**2) / 2,
    (fake_logits - 1) ** 2 / 2,
  ),
  'relativistic': lambda real_logits, fake_logits: (
    _logistic(real_logits - fake_logits, 1.0),
    _logistic(fake_logits - real_logits, 1.0),
  ),
  'k_plus_one': _k_plus_one,
  'feature_matching': _feature_matching,
  'auxiliary_classifier': _auxiliary_classifier,
}
OURS = {**gan.LOSSES, 'auxiliary_classifier': gan.auxiliary_classifier(gan.non_saturating)}


def _said(needs):
  noise = np.random.default_rng(0)
  shapes = {'logits': (NUM,), 'classes': (NUM, CLASSES), 'features': (NUM, 3)}
  return {
    name: noise.integers(0, CLASSES, NUM)
    if name.endswith('labels')
    else 3 * noise.normal(size=shapes[name.split('_')[1]])
    for name in needs
  }


@pytest.mark.parametrize('name', OURS)
@pytest.mark.parametrize('player', ['discriminator', 'generator'])
def test_a_game_is_that_of_pytorch(name, player):
  said = _said(OURS[name].needs)
  moving = [key for key in said if not key.endswith('labels')]
  tensors = {key: torch.tensor(value, requires_grad=key in moving) for key, value in said.items()}
  theirs = THEIRS[name](**tensors)[player == 'generator']
  slopes = torch.autograd.grad(theirs.sum(), [tensors[key] for key in moving], allow_unused=True)
  with jax.enable_x64(True):
    loss = getattr(OURS[name], player)
    ours = loss(**{key: jnp.asarray(value) for key, value in said.items()})
    total = lambda arrays: loss(**said | arrays).sum()  # noqa: E731
    ours_slopes = jax.grad(total)({key: jnp.asarray(said[key]) for key in moving})
  np.testing.assert_allclose(ours, theirs.detach(), rtol=1e-6)
  for key, slope in zip(moving, slopes, strict=True):
    expected = np.zeros(said[key].shape) if slope is None else slope
    np.testing.assert_allclose(ours_slopes[key], expected, rtol=1e-5, atol=1e-7)


def _points(name, real, fake):
  """Where a penalty takes the slope, with the noise that ours draws."""
  mix = np.asarray(jax.random.uniform(KEY, (NUM, 1)))
  noise = np.asarray(jax.random.normal(KEY, real.shape))
  points = {
    'r1': [real],
    'r2': [fake],
    'r1_r2': [real, fake],
    'gradient_penalty': [mix * real + (1 - mix) * fake],
    'dragan': [real + 0.5 * real.std() * noise],
  }
  return points[name]


@pytest.mark.parametrize('name', gan.PENALTIES)
def test_a_penalty_is_that_of_pytorch(name):
  noise = np.random.default_rng(1)
  weights = [noise.normal(size=shape).astype(np.float32) for shape in ((6, 8), (8, 1))]
  real, fake = noise.normal(size=(2, NUM, 6)).astype(np.float32)
  first, second = map(torch.tensor, weights)
  expected = torch.zeros(NUM)
  for point in _points(name, real, fake):
    x = torch.tensor(point, requires_grad=True)
    (slope,) = torch.autograd.grad((torch.tanh(x @ first) @ second).sum(), x)
    expected += slope.square().sum(1) / 2 if name.startswith('r') else (slope.norm(dim=1) - 1) ** 2
  ours = gan.PENALTIES[name](
    lambda x: (jnp.tanh(x @ weights[0]) @ weights[1])[:, 0], KEY, real=jnp.array(real), fake=jnp.array(fake)
  )
  np.testing.assert_allclose(ours, expected, rtol=1e-4)
