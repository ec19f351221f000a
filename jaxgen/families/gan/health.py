"""What is wrong with a game, in words, from the newest rows of a run."""

from collections.abc import Mapping

_WON = 0.95  # of real and of generated examples told
_TELLS = 0.75  # of pairs told; below, logits are too near for what lies between them
_BY_HEART = 0.6  # the target of Karras et al. 2020
_COLLAPSED = 0.05  # of the variance of real examples
_EXPLODED = 1e3  # healthy weights stretch by 1 to 100
_NO_GRADIENT = 1e-6


def health(train: Mapping[str, float], held_out: Mapping[str, float]) -> list[str]:
  """A sentence for each thing that is bad; none of a healthy game.

  The discriminator has won where it tells almost all real and almost all generated examples. It has learned the
  training set by heart where held-out examples look to it like generated ones: `overfitting` is near 1. The generator
  has collapsed where its examples hardly vary. A weight has exploded where it stretches by a thousand.

  Args:
    train: the means over the last steps, by the names of the metrics.
    held_out: those of `evaluate` over the split that is held out.
  """
  found = []
  real, fake = (train.get(f'{side}_accuracy', 0.0) for side in ('real', 'fake'))
  if min(real, fake) > _WON:
    found.append(
      f'The discriminator tells {real:.0%} of the real and {fake:.0%} of the generated examples: it has won, and the '
      'generator learns little. Lower its learning rate, or give it a penalty.'
    )
  memory = overfitting(train, held_out)
  if train['discriminator_accuracy'] > _TELLS and memory > _BY_HEART:
    found.append(
      f'Held-out examples look {memory:.0%} of the way from training examples to generated ones (it tells '
      f'{held_out["discriminator_accuracy"]:.0%} of pairs of held-out and generated examples, '
      f'{train["discriminator_accuracy"]:.0%} of training and generated ones): the discriminator learns the training '
      'set by heart. Augment what it sees (config.model.augmentation), or train it less.'
    )
  if train.get('variety', 1.0) < _COLLAPSED:
    found.append(
      f'Generated examples vary {train["variety"]:.1%} as much as real ones: the generator has collapsed. Lower its '
      'learning rate (config.optimizer.learning_rate), or give the discriminator a penalty (config.model.penalty).'
    )
  found += exploded(held_out)
  if train.get('generator_grad_norm', 1.0) < _NO_GRADIENT:
    found.append('The generator gets no gradient.')
  return found


def of_both_sides(train: Mapping[str, float], held_out: Mapping[str, float]) -> list[str]:
  """What is wrong with the game of either domain."""
  found = []
  for side in ('x', 'y'):
    own = (
      {name[2:]: value for name, value in row.items() if name.startswith(f'{side}_')}
      for row in (train, held_out)
    )
    found += [f'Of {side}: {sentence}' for sentence in health(*own)]
  return found + exploded(held_out)


def exploded(held_out: Mapping[str, float]) -> list[str]:
  """A sentence for each player one of whose weights stretches by a thousand."""
  norms = [(name, norm) for name, norm in held_out.items() if name.endswith('_spectral_norm')]
  return [_sentence(name, norm) for name, norm in norms if norm > _EXPLODED]


def overfitting(train: Mapping[str, float], held_out: Mapping[str, float]) -> float:
  """`1 - (D(held out) - D(generated)) / (D(train) - D(generated))` of mean logits: 0 where held-out examples are to the
  discriminator what training examples are, 1 where they are what generated ones are (Karras et al., "Training
  generative adversarial networks with limited data", 2020, equation 1). Where it tells nothing apart it is 0.

  Both differences are of logits of the same weights: all logits drift together from step to step, which a mean over
  steps less that of one moment would take for memory.
  """
  apart, held_apart = (row['real_logit'] - row['fake_logit'] for row in (train, held_out))
  return 1 - held_apart / apart if apart > 0 else 0.0


def _sentence(name, norm):
  player = name.removesuffix('_spectral_norm')
  return (
    f'A weight of the {player} stretches what it gets {norm:,.0f} times: its spectral norm explodes, as before a '
    'collapse. Lower the learning rate, or set clip_norm of its optimizer.'
  )
