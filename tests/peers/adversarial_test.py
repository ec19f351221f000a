"""Adversarial losses and penalties beside PyTorch, in value and gradient. A loss is one row.

`pip install -e '.[peers]'` installs it; without it these are skipped and say so.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.losses import gan
from jaxgen.updates import clipped

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


# name -> ours of an example and what was made of it, and PyTorch's of both, each f32[B]
DISTANCES = {
  'cycle_consistency': (lambda x, y: gan.cycle_consistency(x=x, there_and_back=y), F.l1_loss),
  'identity_mapping': (lambda x, y: gan.identity_mapping(x=x, mapped=y), F.l1_loss),
  'distance_to_truth': (lambda x, y: gan.distance_to_truth(x=x, translated=y), F.l1_loss),
  'feature_distance': (
    lambda x, y: gan.feature_distance(real_features=x, fake_features=y),
    lambda x, y, reduction: 12 * F.mse_loss(x, y, reduction=reduction) / 2,  # a sum, of 12 entries
  ),
}


@pytest.mark.parametrize('name', DISTANCES)
def test_a_distance_is_that_of_pytorch(name):
  of_ours, of_theirs = DISTANCES[name]
  x, y = np.random.default_rng(2).normal(size=(2, NUM, 2, 3, 2)).astype(np.float32)
  again = torch.tensor(y, requires_grad=True)
  theirs = of_theirs(torch.tensor(x), again, reduction='none').flatten(1).mean(1)
  (slope,) = torch.autograd.grad(theirs.sum(), again)
  ours, pull = jax.vjp(lambda y: of_ours(x, y), y)
  np.testing.assert_allclose(ours, theirs.detach(), rtol=1e-5)
  np.testing.assert_allclose(pull(jnp.ones(NUM))[0], slope, rtol=1e-5, atol=1e-7)


def test_the_length_of_a_path_is_that_of_pytorch():
  """As the released code has it: y over the root of the pixels, squares summed over w and averaged over layers."""
  noise = np.random.default_rng(3)
  weights, styles = noise.normal(size=(2, 5, 48)), noise.normal(size=(NUM, 2, 5))
  weights, styles = weights.astype(np.float32), styles.astype(np.float32)

  def images(xp, styles):
    return xp.tanh(xp.einsum('bld,ldk->bk', styles, xp.asarray(weights))).reshape(NUM, 4, 4, 3)

  w = torch.tensor(styles, requires_grad=True)
  y = torch.tensor(np.asarray(jax.random.normal(KEY, (NUM, 4, 4, 3)))) / np.sqrt(4 * 4)
  (slope,) = torch.autograd.grad((images(torch, w) * y).sum(), w)
  ours = gan.path_length(lambda styles: images(jnp, styles), KEY, jnp.array(styles))
  np.testing.assert_allclose(ours, slope.square().sum(2).mean(1).sqrt(), rtol=1e-4)


def test_weights_are_clipped_as_by_pytorch():
  """The loop of the code that Wasserstein GAN was released with."""
  net = torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.Linear(8, 1))
  params = {name: jnp.array(value.detach().numpy()) for name, value in net.named_parameters()}
  for parameter in net.parameters():
    parameter.data.clamp_(-0.2, 0.2)
  ours = clipped(0.2)(params)
  for name, value in net.named_parameters():
    np.testing.assert_array_equal(ours[name], value.detach())
  assert any((ours[name] != params[name]).any() for name in params)
