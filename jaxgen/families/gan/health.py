"""What is wrong with a game, in words, from the newest rows of a run."""

from collections.abc import Mapping

_WON = 0.95  # of real and of generated examples told
_TELLS = 0.75  # of pairs told; below, logits are too near for what lies between them
_BY_HEART = 0.6  # the target of Karras et al. 2020
_COLLAPSED = 0.05  # of the variance of real examples
_EXPLODED = 1e3  # healthy weights stretch by 1 to 100, and healthy gradients are as long at most
_NO_GRADIENT = 1e-6
_STILL = {
  'generator': 'nothing that it makes changes what the discriminator says',
  'discriminator': 'nothing that it is shown makes it change, and it has nothing to teach',
}


def health(train: Mapping[str, float], held_out: Mapping[str, float], seen: Mapping[str, float]) -> list[str]:
  """A sentence for each thing that is bad; none of a healthy game.

  The discriminator has won where it tells almost all real and almost all generated examples. It has learned the
  training set by heart where held-out examples look to it like generated ones: `overfitting` is near 1. The generator
  has collapsed where its examples hardly vary. A weight has exploded where it stretches by a thousand, a gradient
  where its norm is a thousand; a player without a gradient stands still.

  Args:
    train: the means over the last steps, by the names of the metrics.
    held_out: those of `evaluate` over the split that is held out.
    seen: the same over training examples, by the same weights: logits of all drift together from step to step, so that
      a mean over steps less what is held out would be no memory.
  """
  found = []
  real, fake = (train.get(f'{side}_accuracy', 0.0) for side in ('real', 'fake'))
  if min(real, fake) > _WON:
    found.append(
      f'The discriminator tells {real:.0%} of the real and {fake:.0%} of the generated examples: it has won, and the '
      'generator learns little. Lower its learning rate, or give it a penalty.'
    )
  memory = overfitting(seen, held_out)
  if seen['discriminator_accuracy'] > _TELLS and memory > _BY_HEART:
    found.append(
      f'Held-out examples look {min(memory, 1.0):.0%} of the way from training examples to generated ones'
      f'{_taken_for_real(seen, held_out)}: the discriminator learns the training set by heart. Augment what it sees '
      '(config.model.augmentation), or train it less.'
    )
  if train.get('variety', 1.0) < _COLLAPSED:
    found.append(
      f'Generated examples vary {train["variety"]:.1%} as much as real ones: the generator has collapsed. Lower its '
      'learning rate (config.optimizer.learning_rate), or give the discriminator a penalty (config.model.penalty).'
    )
  return found + exploded(held_out) + of_gradients(train)


def of_both_sides(
  train: Mapping[str, float], held_out: Mapping[str, float], seen: Mapping[str, float]
) -> list[str]:
  """What is wrong with the game of either domain."""
  found = []
  for side in ('x', 'y'):
    own = (
      {name[2:]: value for name, value in row.items() if name.startswith(f'{side}_')}
      for row in (train, held_out, seen)
    )
    found += [f'Of {side}: {sentence}' for sentence in health(*own)]
  return found + exploded(held_out) + of_gradients(train)


def of_gradients(train: Mapping[str, float]) -> list[str]:
  """A sentence for each player whose gradient explodes or vanishes, of the means of their norms over the last steps."""
  found = []
  for player, norm in _of('_grad_norm', train):
    if norm > _EXPLODED:
      found.append(
        f'The gradient of the {player} has a norm of {norm:,.0f}: it explodes. Lower the learning rate, or set '
        'clip_norm of its optimizer.'
      )
    elif norm < _NO_GRADIENT:
      found.append(f'The {player} gets no gradient{f": {_STILL[player]}" if player in _STILL else ""}.')
  return found


def exploded(held_out: Mapping[str, float]) -> list[str]:
  """A sentence for each player one of whose weights stretches by a thousand."""
  return [
    f'A weight of the {player} stretches what it gets {norm:,.0f} times: its spectral norm explodes, as before a '
    'collapse. Lower the learning rate, or set clip_norm of its optimizer.'
    for player, norm in _of('_spectral_norm', held_out)
    if norm > _EXPLODED
  ]


def overfitting(seen: Mapping[str, float], held_out: Mapping[str, float]) -> float:
  """`(D(train) - D(held out)) / (D(train) - D(generated))` of mean logits by the same weights: 0 where held-out
  examples are to the discriminator what training examples are, 1 where they are what generated ones are (Karras et al.,
  "Training generative adversarial networks with limited data", 2020, equation 1). Where it tells nothing apart it is 0.
  """
  apart = seen['real_logit'] - seen['fake_logit']
  return (seen['real_logit'] - held_out['real_logit']) / apart if apart > 0 else 0.0


def _taken_for_real(seen, held_out):
  """In brackets, where the loss has a boundary."""
  if 'real_accuracy' not in seen:
    return ''
  return (
    f' ({held_out["real_accuracy"]:.0%} are taken for real, of training examples {seen["real_accuracy"]:.0%})'
  )


def _of(ending, row):
  """Players, by the name of what is told of them, and the number."""
  return [(name.removesuffix(ending), number) for name, number in row.items() if name.endswith(ending)]
