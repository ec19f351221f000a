"""A noise-conditional score network: a U-Net of residual blocks (after Song et al. 2021, NCSN++, made small)."""

import jax.numpy as jnp
from flax import linen as nn
from ml_collections import ConfigDict

from jaxgen import optim
from jaxgen.errors import UserError
from jaxgen.families.score import score
from jaxgen.losses.score import geometric_sigmas
from jaxgen.nn import Conv
from jaxgen.types import GenerativeModel


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


class ScoreNetwork(nn.Module):
  """x f32[B, H, W, C], sigma f32[B], condition f32[B, classes] or None -> the score, f32[B, H, W, C].

  `s(x, sigma) = -x / (d^2 + sigma^2) + F(x / sqrt(d^2 + sigma^2), log sigma) d / (sigma sqrt(d^2 + sigma^2))`
  with `d = sigma_data`: the score of Gaussian data, which it is at initialization, and a correction whose size is of
  order one at every noise level. Dividing by sigma is technique 3 of Song & Ermon 2020; the
  rest is the preconditioning of Karras et al. 2022, section 5, written for a score.

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
    sigma = sigma[:, None, None, None]
    total = jnp.sqrt(self.sigma_data**2 + sigma**2)
    embedding = self._embedding(jnp.log(sigma[:, 0, 0]), condition)
    correction = self._unet(x / total, embedding, train)
    return -x / total**2 + correction * self.sigma_data / (sigma * total)

  def _embedding(self, log_sigma, condition):
    frequencies = 2.0 ** jnp.arange(-3, 5)  # log sigma spans about ten units
    angles = log_sigma * frequencies
    h = jnp.concatenate([jnp.sin(angles), jnp.cos(angles)], axis=-1)
    h = nn.Dense(4 * self.widths[0])(h)
    if condition is not None:
      h = h + nn.Dense(4 * self.widths[0], use_bias=False)(condition)
    return nn.silu(nn.Dense(4 * self.widths[0])(nn.silu(h)))

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
        h = Conv(self.widths[index - 1], (3, 3))(h.repeat(2, axis=1).repeat(2, axis=2))
    h = nn.silu(_group_norm(h.shape[-1])(h))
    return Conv(x.shape[-1], (3, 3), kernel_init=nn.initializers.zeros_init())(h)


def build(config: ConfigDict) -> GenerativeModel:
  """Keys of `config.model`: widths, blocks, dropout, sigma_data, sigma_max, sigma_min, num_levels, steps_per_level,
  step_size, denoise, conditional. Sigmas are in units of pixels in [-1, 1].

  Raises:
    UserError: if a setting does not fit the data.
  """  # noqa: D205
  model, data = config.model, config.data
  shape, factor = tuple(data.shape), 2 ** (len(model.widths) - 1)
  if len(shape) != 3 or shape[0] % factor or shape[1] % factor:
    raise UserError(
      f'This score network halves images {len(model.widths) - 1} times, so their sides must be divisible by '
      f'{factor}, and {shape} is not; set config.data.image_size or give fewer config.model.widths.'
    )
  if model.conditional and not data.classes:
    raise UserError('config.model.conditional=True needs labels, and this data has none; set it to False.')
  try:
    sigmas = geometric_sigmas(model.sigma_max, model.sigma_min, model.num_levels)
    return score(
      ScoreNetwork(tuple(model.widths), model.blocks, model.sigma_data, model.dropout),
      sigmas=sigmas,
      tx=optim.make(config.optimizer, config.num_steps),
      ema_decay=config.ema_decay,
      shape=shape,
      levels=data.levels,
      classes=data.classes if model.conditional else 0,
      steps_per_level=model.steps_per_level,
      step_size=model.step_size,
      denoise=model.denoise,
    )
  except UserError:
    raise
  except ValueError as error:
    raise UserError(f'The noise levels of config.model cannot be used: {error}') from error


def _group_norm(channels):
  return nn.GroupNorm(num_groups=max(1, min(8, channels // 4)))
