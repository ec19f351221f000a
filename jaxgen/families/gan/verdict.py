"""What a discriminator says of examples, and what of it a loss is told."""

from collections.abc import Callable, Mapping

import jax
from flax import linen as nn

from jaxgen.errors import UserError
from jaxgen.families.conditions import flat
from jaxgen.losses.gan import GanLoss, logit_of_classes
from jaxgen.types import DataSpec, Field

# What a discriminator may have, see `jaxgen.losses.gan.GanLoss`.
HEADS = ('logits', 'classes', 'features')
Verdict = Mapping[str, jax.Array]  # by head


def heads(loss: GanLoss) -> tuple[str, ...]:
  """Those that a discriminator has to have for this loss."""
  return tuple(head for head in HEADS if {f'real_{head}', f'fake_{head}'} & set(loss.needs))


def spoken(heads: tuple[str, ...], **outputs: Callable[[], jax.Array]) -> jax.Array | Verdict:
  """What a network with these heads returns: those of all `outputs` that it could compute, logits alone as an array."""
  verdict = {head: outputs[head]() for head in heads}
  return verdict['logits'] if heads == ('logits',) else verdict


def projected(
  heads: tuple[str, ...],
  h: jax.Array,
  given: Mapping[str, jax.Array],
  dense: Callable[..., Callable[[jax.Array], jax.Array]],
  classes: int = 0,
) -> jax.Array | Verdict:
  """What a discriminator says from its features.

  Conditions enter by projection: the inner product of the features with a linear map of them, of labels a vector per
  class (Miyato & Koyama, "cGANs with projection discriminator", 2018, equation 7).

  Args:
    heads: those of the network that is being applied.
    h: its features, f32[B, K].
    given: the conditions, perhaps none.
    dense: makes its linear layers: `dense(features, use_bias=...)(x)`.
    classes: of the head of that name.
  """

  def logits():
    logits = dense(1)(h)[:, 0]
    return logits + (dense(h.shape[-1], use_bias=False)(flat(given)) * h).sum(-1) if given else logits

  return spoken(heads, logits=logits, classes=lambda: dense(classes)(h), features=lambda: h)


def verdict(output: jax.Array | Verdict) -> Verdict:
  """What a network returned, by head. Without one of its own, its logit is that of its classes."""
  said = dict(output) if isinstance(output, Mapping) else {'logits': output}
  return said if 'logits' in said else {**said, 'logits': logit_of_classes(said['classes'])}


def told(loss: GanLoss, said: Mapping[str, jax.Array]) -> dict[str, jax.Array]:
  """Of `{'real_logits': ..., 'fake_logits': ..., 'real_labels': ..., ...}` what the loss needs."""
  return {name: said[name] for name in loss.needs}


def check(
  loss: GanLoss,
  discriminator: nn.Module,
  inputs: Callable[[], tuple],
  label: Field | None,
  given: DataSpec,
) -> None:
  """That labels and heads are there which the loss needs; nothing is computed.

  Args:
    loss: of the game.
    discriminator: its network.
    inputs: what it is called with, as `jaxgen.families.networks.Part` has it.
    label: of the data, where they have one.
    given: the fields that are conditions.

  Raises:
    UserError: naming what is missing.
  """
  if {'real_labels', 'fake_labels'} & set(loss.needs) and label is None:
    raise UserError(
      'the loss of this GAN needs labels, and the data have none; choose another loss or other data.'
    )
  if 'fake_labels' in loss.needs and 'label' not in given:
    raise UserError(
      'the loss of this GAN asks which label an example was generated for, and none is given; set '
      '--config.given="(\'label\',)".'
    )
  output = jax.eval_shape(
    lambda: discriminator.init_with_output(jax.random.key(0), *inputs(), train=False)[0]
  )
  found = dict(output) if isinstance(output, Mapping) else {'logits': output}
  if missing := [head for head in heads(loss) if head not in found]:
    raise UserError(
      f'the loss of this GAN needs {" and ".join(missing)} of its discriminator, which gives {", ".join(found)}; '
      'choose another loss or another model.'
    )
  if label and 'classes' in found and found['classes'].shape[1:] != (label.levels,):
    raise UserError(
      f'the discriminator knows classes of shape {found["classes"].shape[1:]}, and the data have {label.levels}.'
    )
