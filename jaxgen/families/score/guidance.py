"""What samples of a score model are guided by: the same network without its labels, a classifier, or nothing."""

from typing import NamedTuple

from jaxgen.families.score.classifier import Guide
from jaxgen.families.score.couplings import Coupling
from jaxgen.types import DataSpec


class Guidance(NamedTuple):
  """How much what is given weighs in samples and completions, and by what.

  Attributes:
    weight: 1 as in the data, 0 not at all; another one than 1 needs one of the two that follow.
    label_dropout: the share of examples that are trained without their labels, all at once, so that the network is the
      score without conditions too (Ho & Salimans 2022, algorithm 1); see `jaxgen.samplers.guided`.
    classifier: by which samples and completions of a network that is given nothing follow a label: with a weight of 1
      as Bayes' rule has it, see `jaxgen.samplers.classifier_guided`.
  """

  weight: float = 1.0
  label_dropout: float = 0.0
  classifier: Guide | None = None

  @property
  def is_a_knob(self) -> bool:
    """Whether there is another weight than 1."""
    return bool(self.label_dropout or self.classifier)

  def check(self, given: DataSpec, coupling: Coupling) -> None:
    """Sees to it that it fits what the network is given, and learns.

    Raises:
      ValueError: if there is nothing that could be left out, or something else than labels, a weight without a way to
        it, or a classifier of what is given something, or is no score.
    """
    if self.label_dropout and not given:
      raise ValueError('label_dropout leaves out what is given, and nothing is given; set it to 0.')
    if others := [name for name, field in given.items() if self.label_dropout and field.kind != 'label']:
      raise ValueError(
        f'label_dropout puts zeros in the place of what is given, which no label is, but {", ".join(others)} may be; '
        'give labels alone, or set it to 0.'
      )
    if self.weight != 1 and not self.is_a_knob:
      raise ValueError(
        f'a guidance of {self.weight:g} needs a network that is the score without conditions too; train one with '
        'label_dropout of 0.1, say, name a classifier by config.stages.classifier, or leave guidance at 1.'
      )
    if self.classifier and given:
      raise ValueError(
        f'a classifier guides a model that was trained without conditions, and this one is given {", ".join(given)}; '
        'leave the classifier away, or take a run of config.given=().'
      )
    if self.classifier and coupling.of_all:
      raise ValueError(
        'a classifier guides a score, and from noise that is paired with examples none is learned; leave it away, or '
        'take the coupling independent.'
      )
