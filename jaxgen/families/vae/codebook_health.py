"""What is wrong with codebooks, in words, from the newest row of a run."""

from collections.abc import Mapping

_COLLAPSED = 1.5  # codes, by the perplexity: nearly all vectors become one
_DISUSED = 0.5  # of the codes; below, a grid says at most a bit less a code than it could


def disuse(train: Mapping[str, float], num_codes: Mapping[str, int]) -> list[str]:
  """A sentence for each codebook that has collapsed or that is less than half in use; none of a healthy one.

  Args:
    train: the means over the last steps, by the names of the metrics: `perplexity` and `dead_codes`, a share, each
      after what its codebook is known by.
    num_codes: the size of each codebook by what it is known by: 'top_', say, or '' of a single one.
  """
  found = []
  for name, size in num_codes.items():
    if f'{name}dead_codes' not in train:  # a row of an older run
      continue
    perplexity, used = train[f'{name}perplexity'], (1 - train[f'{name}dead_codes']) * size
    of = f'{size:,} {name.replace("_", " ")}codes'
    if perplexity < _COLLAPSED:
      found.append(
        f'Almost all vectors become one of the {of}: perplexity {perplexity:.2f}. The codebook has collapsed; lower '
        'config.optimizer.learning_rate, or raise config.model.commitment_weight.'
      )
    elif used < _DISUSED * size:
      found.append(
        f'{used:,.0f} of {of} are in use: perplexity {perplexity:,.1f}. Lower config.model.codebook_decay, so that '
        'dead codes are put on other vectors sooner, or config.model.num_codes.'
      )
  return found
