"""A noise-conditional score network: a U-Net of residual blocks (after Song et al. 2021, NCSN++, made small)."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import linen as nn
from ml_collections import ConfigDict

from jaxgen import optim
from jaxgen.config_keys import DEPTH, WIDTH, Key
from jaxgen.errors import UserError
from jaxgen.families.score import score
from jaxgen.families.score_samplers import WAYS
from jaxgen.losses.score import geometric_sigmas
from jaxgen.nn import Conv, GroupNorm, UpsampledConv
from jaxgen.types import GenerativeModel

# See `jaxgen.families.score_samplers` for each.
SAMPLER = {
  'name': Key('probability_flow', str, 'the way from noise to samples', choices=tuple(WAYS)),
  'annealed': {
    'steps_per_level': Key(5, int, 'Langevin steps at each noise level', '[1, 100000]'),
    'step_size': Key(0.0, float, 'at the last level; 0: see jaxgen.samplers.balanced', '[0, inf)'),
    'denoise': Key(True, bool, 'samples end with the mean of what is left of the noise'),
  },
  'predictor_corrector': {
    'num_levels': Key(50, int, 'noise levels of the sampler', '[2, 100000]'),
    'signal_to_noise': Key(0.16, float, 'of a corrector step', '(0, inf)'),
    'corrector_steps': Key(1, int, 'at each noise level', '[0, 100000]'),
  },
  'probability_flow': {
    'num_steps': Key(18, int, 'of Heun, two evaluations of the network each', '[2, 100000]'),
    'rho': Key(7.0, float, 'how much shorter steps are near the data', '[1, 100]'),
  },
}
# Of every noise-conditional score network, whatever its layers are.
COMMON = {
  'sigma_data': Key(0.5, float, 'standard deviation of the data', '(0, inf)'),
  'sigma_max': Key(12.0, float, 'the largest noise, about the largest distance of two examples', '(0, inf)'),
  'sigma_min': Key(0.05, float, 'the smallest noise', '(0, inf)'),
  'num_levels': Key(19, int, 'noise levels, see jaxgen.losses.score.num_levels', '[2, 100000]'),
  'sampler': SAMPLER,
  'ode_steps': Key(50, int, 'of the log-likelihood, two evaluations of the network each', '[1, 100000]'),
  'conditional': Key(False, bool, 'on the label'),
}
KEYS = {
  'widths': Key(
    (32, 64), tuple[int, ...], 'channels; each after the first at half the pixels', WIDTH, least=1
  ),
  'blocks': Key(1, int, 'residual blocks at each resolution, down and up', DEPTH),
  'dropout': Key(0.0, float, 'the share of values that training leaves out', '[0, 1)'),
  **COMMON,
}


class Block(nn.Module):
  """Two convolutions round a skip; the noise level scales and shifts between them: f32[B, H, W, features]."""

  features: int
  dropout: float

  @nn.compact
  def __call__(self, x, embedding, train):
    h = Conv(self.features, (3, 3))(nn.silu(_group_norm(x.shape[-1])(x)))
    scale, shift = jnp.split(nn.Dense(2 * self.features)(embedding)[:, None, None], 2, axis=-1)
    h = nn.silu(_group_norm(self.features)(h) * (1 + scale) + shift)
    h = nn.Dropout(self.dropout, deterministic=not train)(h)
    h = Conv(self.features, (3, 3), kernel_init=nn.initializers.zeros_init())(h)
    return h + (x if x.shape[-1] == self.features else Conv(self.features, (1, 1))(x))


class NoiseEmbedding(nn.Module):
  """log sigma f32[B] and condition f32[B, classes] or None -> f32[B, features]."""

  features: int

  @nn.compact
  def __call__(self, log_sigma, condition):
    frequencies = 2.0 ** jnp.arange(-3, 5)  # log sigma spans about ten units
    angles = log_sigma[:, None] * frequencies
    h = nn.Dense(self.features)(jnp.concatenate([jnp.sin(angles), jnp.cos(angles)], axis=-1))
    if condition is not None:
      h = h + nn.Dense(self.features, use_bias=False)(condition)
    return nn.silu(nn.Dense(self.features)(nn.silu(h)))


class ScoreNetwork(nn.Module):
  """x f32[B, H, W, C], sigma f32[B], condition f32[B, classes] or None -> the score, f32[B, H, W, C].

  A U-Net inside `preconditioned`.

  Attributes:
    widths: the channels at each resolution; every resolution after the first has half the pixels a side.
    blocks: residual blocks at each resolution, on the way down and on the way up.
    sigma_data: the standard deviation of the data.
    dropout: the share of channels dropped in training.
  """

  widths: tuple[int, ...]
  blocks: int
  sigma_data: float
  dropout: float = 0.0

  @nn.compact
  def __call__(self, x, sigma, condition, train):
    embedding = NoiseEmbedding(4 * self.widths[0])(jnp.log(sigma), condition)
    return preconditioned(lambda x: self._unet(x, embedding, train), x, sigma, self.sigma_data)

  def _unet(self, x, embedding, train):
    h, skips = Conv(self.widths[0], (3, 3))(x), []
    for index, width in enumerate(self.widths):
      if index:
        h = Conv(width, (3, 3), (2, 2))(h)
      for _ in range(self.blocks):
        h = Block(width, self.dropout)(h, embedding, train)
        skips.append(h)
    h = Block(self.widths[-1], self.dropout)(h, embedding, train)
    for index, width in reversed(list(enumerate(self.widths))):
      for _ in range(self.blocks):
        h = Block(width, self.dropout)(jnp.concatenate([h, skips.pop()], axis=-1), embedding, train)
      if index:
        h = UpsampledConv(self.widths[index - 1])(h)
    h = nn.silu(_group_norm(h.shape[-1])(h))
    return Conv(x.shape[-1], (3, 3), kernel_init=nn.initializers.zeros_init())(h)


def preconditioned(
  correction: Callable[[jax.Array], jax.Array], x: jax.Array, sigma: jax.Array, sigma_data: float
) -> jax.Array:
  """A score whose network sees inputs, and gives outputs, of order one at every noise level.

  `s(x, sigma) = -x / t^2 + F(x / t) sigma_data / (sigma t)` with `t^2 = sigma_data^2 + sigma^2`: the score of
  Gaussian data, and a correction. Dividing by sigma is technique 3 of Song & Ermon 2020; the rest is the
  preconditioning of Karras et al. 2022, section 5, written for a score.

  Args:
    correction: F, `f32[B, ...] -> f32[B, ...]`.
    x: f32[B, ...].
    sigma: f32[B].
    sigma_data: the standard deviation of the data.
  """
  sigma = sigma.reshape((-1,) + (1,) * (x.ndim - 1))
  total = jnp.sqrt(sigma_data**2 + sigma**2)
  return -x / total**2 + correction(x / total) * sigma_data / (sigma * total)


def build(config: ConfigDict) -> GenerativeModel:
  """The model that `config.model` describes (keys: `KEYS`).

  Raises:
    UserError: if a setting does not fit the data.
  """
  model, shape = config.model, tuple(config.data.shape)
  factor = 2 ** (len(model.widths) - 1)
  if len(shape) != 3:
    raise UserError(
      f'This score network needs images, not data of shape {shape}; for vectors there is jaxgen.models.ncsn_mlp.'
    )
  if shape[0] % factor or shape[1] % factor:
    raise UserError(
      f'This score network halves images {len(model.widths) - 1} times, so their sides must be divisible by '
      f'{factor}, and {shape} is not; set config.data.image_size or give fewer config.model.widths.'
    )
  network = ScoreNetwork(tuple(model.widths), model.blocks, model.sigma_data, model.dropout)
  return assemble(config, network)


def assemble(config: ConfigDict, network: nn.Module) -> GenerativeModel:
  """Whatever the network is, what surrounds it is set by the same keys.

  Args:
    config: `config.model` holds `COMMON`. Sigmas are in units of pixels in [-1, 1], or of the data itself where it
      is continuous.
    network: as `jaxgen.families.score.score` takes it.

  Raises:
    UserError: if a setting does not fit the data.
  """
  model, data, how = config.model, config.data, config.model.sampler
  if model.conditional and not data.classes:
    raise UserError('config.model.conditional=True needs labels, and this data has none; set it to False.')
  try:
    sigmas = geometric_sigmas(model.sigma_max, model.sigma_min, model.num_levels)
  except ValueError as error:
    raise UserError(f'The noise levels of config.model cannot be used: {error}') from error
  return score(
    network,
    sigmas=sigmas,
    tx=optim.make(config.optimizer, config.num_steps),
    ema_decay=config.ema_decay,
    shape=tuple(data.shape),
    levels=data.levels,
    classes=data.classes if model.conditional else 0,
    way=WAYS[how.name](sigmas, model.sigma_data, **how[how.name].to_dict()),
    ode_steps=model.ode_steps,
  )


def _group_norm(channels):
  return GroupNorm(num_groups=max(1, min(8, channels // 4)))
