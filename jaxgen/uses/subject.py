"""What every use starts from: a trained model, the weights and knobs that were chosen, and where results go."""

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen import data, experiment, fields, keys, parallel, show
from jaxgen.data import given as conditions
from jaxgen.data import vocabulary as vocabularies
from jaxgen.data.tables import columns as tables
from jaxgen.data.tables.columns import Columns
from jaxgen.data.vocabulary import Vocabulary
from jaxgen.errors import UserError
from jaxgen.runs import content
from jaxgen.types import DataSpec, Field, PRNGKey
from jaxgen.uses import known

_PART = 100  # examples at a time
_SLOW = 10  # how many times fewer examples are scored where a likelihood takes many evaluations
_Ability = TypeVar('_Ability', bound=Callable[..., Any] | tuple[Any, ...])


def needed(ability: _Ability | None) -> _Ability:
  """What a model has to have for a use: a function, or numbers.

  Raises:
    ValueError: if the model lacks it; `jaxgen.uses.catalogue.USES` says what each use needs.
  """
  if ability is None:
    raise ValueError('this model lacks an ability that this use needs; see `jaxgen.uses.catalogue.USES`.')
  return ability


class Options(NamedTuple):
  """What one may ask of a trained model.

  Attributes:
    use: names of `catalogue.USES`; empty: all that apply and that are looked at.
    num: of samples; None: `config.num_samples`.
    step: of the checkpoint: 'newest', 'best' (by validation) or a number.
    weights: 'raw' or 'averaged'; empty: averaged ones where there are any.
    seed: of samples and noise; None: that of the run.
    split: whose examples are used; empty: 'test', and 'train' for codes.
    given: texts by the name of a field: what samples are conditioned on, several values between commas. Fields that
      are not named are those of random training examples.
    knobs: texts by the name of a knob of the model.
    prompt: the text that a model of tokens continues; None: there is none.
    form: of an export: 'npz' or 'folder'.
    against: another set of images or sounds, as `config.data.name`, that outliers are of too.
    attribute: a class, whose vector is shown, or two between commas: the first less the second.
    hidden: what completion hides of examples, names between commas; empty: parts of them.
  """

  use: tuple[str, ...] = ()
  num: int | None = None
  step: str | int = 'newest'
  weights: str = ''
  seed: int | None = None
  split: str = ''
  given: Mapping[str, str] = {}
  knobs: Mapping[str, str] = {}
  prompt: str | None = None
  form: str = 'npz'
  against: str = ''
  attribute: str = ''
  hidden: str = ''


class TooFew(UserError):
  """The examples of a split do not suffice for a use that the model is able to."""


class Written(NamedTuple):
  """What a use has left: files, the numbers that belong to them, and a text that is printed beside; whether its texts
  have been told, and are not printed again; and whether anything of it was drawn by the model."""

  files: tuple[Path, ...]
  numbers: Mapping[str, Any] = {}
  text: str = ''
  told: bool = False
  drawn: bool = True


class Subject:
  """A trained model with everything that a person chose, and its data, which are read when a use needs them.

  Attributes:
    trained: the run's checkpoint.
    model: its model.
    options: see `Options`.
    weights: which: 'raw' or 'averaged'.
    params: those of these weights.
    extra: and the rest of the state that belongs to them.
    spec: the fields of the data.
    folder: where results go.
    seed: of samples and noise.
    num: of samples.
    asked: values of given fields, each [M, *shape], of which every sample takes one in turn.
    knobs: values of the model's knobs, in place of its defaults.
    prompt: tokens to continue, i[T]; None without a prompt.
    against: the test split of another set of data, of the same kind and shape; None without one.
    attribute: the class whose vector is shown, and perhaps the class that it is less; empty: all.
    hidden: what completion hides; empty: the usual parts.
  """

  def __init__(self, trained: experiment.Trained, options: Options, folder: Path):
    """The options are taken as they are; `jaxgen.uses.asked` reads them."""
    self.trained, self.model, self.options = trained, trained.model, options
    self.folder, self._workdir = Path(folder), Path(folder).parent
    weights = trained.weights()
    self.weights = options.weights or list(weights)[-1]
    self.params, self.extra = parallel.on_all_devices(weights[self.weights])
    self.spec: DataSpec = fields.of(trained.config)
    self.seed = trained.config.seed if options.seed is None else options.seed
    self.num = trained.config.num_samples if options.num is None else options.num
    self.asked: dict[str, np.ndarray] = {}
    self.knobs: dict[str, float] = {}
    self.prompt: np.ndarray | None = None
    self.against: data.Source | None = None
    self.attribute: tuple[int, ...] = ()
    self.hidden: tuple[str, ...] = ()
    self._sources: dict[str, data.Source] = {}

  @property
  def field(self) -> Field:
    """Of what is modelled."""
    return self.spec['x']

  @functools.cached_property
  def about(self) -> show.About:
    """How to show it."""
    return known.about(self.trained.config, lambda: self.source(self.split), self.vocabulary, self.columns)

  @property
  def split(self) -> str:
    """Whose examples are used."""
    return self.options.split or 'test'

  def source(self, split: str) -> data.Source:
    """A split of the run's data, loaded once.

    Raises:
      UserError: if it cannot be read, or is a table that has changed since the run began.
    """
    if split not in self._sources:
      found = data.load(self.trained.config.data, split)
      experiment.check_same_table(self._workdir, split, found)
      self._sources[split] = found
    return self._sources[split]

  @functools.cached_property
  def vocabulary(self) -> Vocabulary | None:
    """Of tokens, as the run keeps it beside its weights; None where the data are no text.

    Raises:
      UserError: if it is damaged, or that of another run.
    """
    found = vocabularies.read(self._workdir)
    if found and found.size != self.field.levels:
      raise UserError(
        f'The vocabulary of {self._workdir} has {found.size:,} tokens, but its model {self.field.levels:,}; put '
        'back its own vocabulary.json.'
      )
    if found:
      content.check_same_vocabulary(self._workdir, found)
    return found

  @functools.cached_property
  def columns(self) -> Columns | None:
    """Of a table, as the run keeps them beside its weights; None where the data are no table.

    Raises:
      UserError: if they are damaged, or those of another run.
    """
    found = tables.read(self._workdir)
    if found and found.categories != tuple(self.trained.config.data.get('columns', ())):
      raise UserError(
        f'The columns of {self._workdir} are not those of its model; put back its own columns.json.'
      )
    return found

  def rng(self, purpose: str) -> PRNGKey:
    """The key of a purpose, see `jaxgen.keys`."""
    return keys.of(self.seed, purpose)

  def examples(self, num: int) -> dict[str, np.ndarray]:
    """The first `num` examples of the split, or all that it has."""
    source = self.source(self.split)
    return source.examples(np.arange(min(num, len(source))))

  def spread(self, split: str, most: int) -> np.ndarray:
    """At most so many places of a split, evenly over all of it: it may be sorted by its classes."""
    size = len(self.source(split))
    return np.linspace(0, size - 1, min(size, most)).astype(int)

  def affordable(self, most: int) -> int:
    """How many of at most so many examples are scored: some likelihoods cost hundreds of evaluations."""
    estimate = self.model.log_prob_estimate
    return max(1, most // _SLOW) if estimate and estimate.is_slow else most

  def given(self, num: int, part: int = 0) -> dict[str, np.ndarray] | None:
    """The conditions of `num` samples: what was asked for, in turn, and beside it those of random training examples.

    Args:
      num: of samples.
      part: which `num` of them, so that many samples can be drawn in parts.
    """
    missing = [name for name in self.model.given if name not in self.asked]
    drawn = {}
    if missing:
      whose = jax.random.fold_in(self.rng('given'), part) if part else self.rng('given')
      drawn = conditions.of_random_examples(self.source('train'), missing, whose, num) or {}
    turns = part * num + np.arange(num)
    asked = {name: values[turns % len(values)] for name, values in self.asked.items()}
    return {name: (asked | drawn)[name] for name in self.model.given} or None

  def shapes_of_latents(self) -> Any:
    """Those of one example or of one draw of the prior, `jax.ShapeDtypeStruct`s; None of a model without latents."""
    model, rng = self.model, jax.random.key(0)
    if model.encode:
      batch = {name: jnp.asarray(value) for name, value in fields.blank(self.spec, 1).items()}
      return jax.eval_shape(model.encode, self.params, self.extra, rng, batch)
    if model.latents:
      return jax.eval_shape(functools.partial(model.latents, num=1), self.params, self.extra, rng)
    return None

  def term(self, name: str) -> Callable[..., jax.Array] | None:
    """One of the terms of `GenerativeModel.evaluate`, `(params, extra, rng, batch) -> f32[B, ...]`; None of a model
    that has none of this name. What the others alone need is not computed once it is compiled."""
    evaluate = self.model.evaluate
    batch = {key: jnp.asarray(value) for key, value in fields.blank(self.spec, 1).items()}
    if name not in jax.eval_shape(evaluate, self.params, self.extra, jax.random.key(0), batch):
      return None
    return lambda params, extra, rng, batch: evaluate(params, extra, rng, batch)[name]

  def given_of(self, batch: Mapping[str, Any]) -> dict[str, Any] | None:
    """The conditions that examples of the data have."""
    return {name: batch[name] for name in self.model.given} or None

  def per_example(self, function: Any, rng: PRNGKey, source: data.Source, places: np.ndarray) -> Any:
    """`function(params, extra, rng, batch)` of examples of a source, part by part: its leaves [N, ...].

    Args:
      function: is compiled once.
      rng: every part folds its number in.
      source: a split of the run's data, see `source`, or one with the same fields.
      places: i64[N] in it.
    """
    compiled, size = parallel.shared_work(function), min(_PART, len(places))
    parts = []
    for index in range(-(-len(places) // size)):
      here = np.arange(index * size, (index + 1) * size)
      batch = source.examples(places[np.minimum(here, len(places) - 1)])  # the last part is filled up
      found = compiled(
        self.params, self.extra, jax.random.fold_in(rng, index), parallel.split_over_devices(batch)
      )
      parts.append(jax.tree.map(np.asarray, found))
    return jax.tree.map(lambda *leaves: np.concatenate(leaves)[: len(places)], *parts)

  def picture(self, x: np.ndarray, columns: int | None = None) -> np.ndarray:
    """Examples of what is modelled, as `jaxgen.show.picture` draws them."""
    return show.picture(x, self.field, self.about, columns)

  def save_picture(self, name: str, image: np.ndarray) -> Path:
    """Writes uint8[height, width, 3] to `<folder>/<name>.png`."""
    path = self.folder / f'{name}.png'
    show.save_png(image, path)
    return path
