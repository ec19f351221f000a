"""The vocabulary of jaxgen: every concept is a `NamedTuple` of pure functions.

Shapes are written `f32[B, H, W, C]`; `B` is the number of examples on one device. Log-likelihoods
are in nats. Nothing here computes anything: the rooms beside this file fill these shapes.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import jax

PRNGKey = jax.Array
Params = Any  # pytree of f32 arrays; its top-level keys name the players ('generator', ...)
Extra = Any  # pytree of arrays that no gradient touches: batch statistics, codebooks, buffers
OptState = Any
Position = Any  # pytree of arrays: the state of a Markov chain, or a partly filled image
Batch = Mapping[str, jax.Array]  # an array [B, *shape] for each `Field` of a `DataSpec`
Metrics = Mapping[str, Any]

# The one mapped axis: `jaxgen.parallel.data_parallel` binds it, whatever the number of devices.
DATA_AXIS = 'data'


class State(NamedTuple):
  """Everything that a checkpoint holds, and nothing but arrays."""

  step: jax.Array  # i32[]
  params: Params
  extra: Extra
  opt: OptState
  rng: jax.Array  # u32[2], the data of a key; never changes: the key of a step is folded from it


# (params, extra, rng, batch) -> (loss f32[], (extra, metrics)), where each metric is a term per
# example, f32[B], or one number, f32[].
LossFn = Callable[[Params, Extra, PRNGKey, Batch], tuple[jax.Array, tuple[Extra, Metrics]]]


class Update(NamedTuple):
  """One training transform, in the shape of an optax transform but one level up.

  Attributes:
    init: `params -> opt_state`.
    apply: `(state, rng, batch) -> (state, metrics)`. `state.opt` is what `init` made; the metrics are
      `clu.metrics.Average`, already summed over the devices. `apply` leaves `state.step` as it is.
  """

  init: Callable[[Params], OptState]
  apply: Callable[[State, PRNGKey, Batch], tuple[State, Metrics]]


class Sampler(NamedTuple):
  """A Markov kernel: `init(position) -> state` and `step(rng, state) -> (state, info)`.

  Every sampler state has a field `position`.
  """

  init: Callable[[Position], Any]
  step: Callable[[PRNGKey, Any], tuple[Any, Any]]


class Field(NamedTuple):
  """What one key of a batch holds; `jaxgen.fields` says of which type its arrays are.

  Attributes:
    kind: 'image', 'vector', 'table', 'tokens', 'audio', 'label' or 'mask'. It alone decides how examples are shown and
      compared.
    shape: of one example: `(H, W, C)` of an image, `(D,)` of a vector, `(D,)` of a row of a table, whose columns hold
      numbers or codes of categories (see `jaxgen.data.tables.table`), `(T,)` of tokens, `(T, C)` of audio, `()` of a
      label, any of a mask.
    levels: the number of values an entry takes (256 for photographs, 17 for the digits, the classes of a label, the
      vocabulary of tokens, 2 for a mask, the codes of `jaxgen.mu_law` for audio); 0 where they are continuous.
  """

  kind: str
  shape: tuple[int, ...]
  levels: int


# One field per key of a batch: 'x' is what is modelled, every other may be given.
DataSpec = Mapping[str, Field]


class Estimate(NamedTuple):
  """How a log-likelihood is estimated. Two of them may stand side by side only if these agree.

  Attributes:
    kind: 'exact', 'lower bound', 'ODE estimate of a lower bound' (of discrete data, along a numerical solution, with a
      random estimate of the divergence), or 'ODE estimate for blurred data' (the density of continuous data under
      the smallest noise). It is said of the density of what the model is given: dequantization alone does not make a
      bound of an exact density, though the code length that follows from it is one, see `jaxgen.metrics.bits_per_dim`.
    importance_samples: K, the draws of the latents behind one number; 0 where there are none.
    ode_steps: of the numerical solution, with a tolerance the most that there may be; 0 without one.
    probes: random directions behind one divergence; 0 where it is not random.
    noise_draws: draws of dequantization noise, or of the smallest noise of a score model, behind one number; 0 where
      the model needs none.
    given: the keys of a batch that are conditions: with ('label',) it is log p(x|label), with () log p(x).
    tolerance: nats, of the error of the numerical solution; 0 where its steps are fixed.
    diffusion_levels: T, the noise levels of the bound of a diffusion; 0 where it is none.
    drawn_terms: of the bound's T - 1 steps, those behind one number; 0 for all.
    smallest_noise: sigma, where a numerical solution ends: the blur of which continuous data have this density, and
      the noise by which a bound is made for discrete data; 0 without one.
  """

  kind: str
  importance_samples: int = 0
  ode_steps: int = 0
  probes: int = 0
  noise_draws: int = 0
  given: tuple[str, ...] = ()
  tolerance: float = 0.0
  diffusion_levels: int = 0
  drawn_terms: int = 0
  smallest_noise: float = 0.0

  @property
  def is_slow(self) -> bool:
    """Whether one number takes many evaluations of a network, too many for every evaluation of a run."""
    return bool(self.ode_steps or self.diffusion_levels)


class GenerativeModel(NamedTuple):
  """What the training loop knows of a model. A model can be measured, and used, by what it can do.

  `x` is always what the data layer gives, an array of the field 'x'; `given` maps the names of the fields that are
  conditions to arrays [num, *shape], as the data layer gives them.

  Attributes:
    init: `(rng, batch) -> (params, extra)`; the batch serves data-dependent initialization.
    update: the training transform, written for one device and the axis `DATA_AXIS`.
    evaluate: `(params, extra, rng, batch) -> {name: f32[B, ...]}`, terms per example (nats where they are
      log-likelihoods): one number each, or one for each latent, which `summary` needs.
    summary: `means -> {name: f64[] or f64[N]}`, the numbers of a row, of the means of these terms over a split, which
      are arrays of numpy. None where they are what the means are.
    sample: `(params, extra, rng, num, given=None, **knobs) -> x[num, ...]`. One `rng` gives the same latents at every
      step of training. Without `given`, labels are uniform; other fields have to be given. None of a density alone.
    objective: one line that states the loss as it is computed, with its weights.
    given: the fields that are conditions: ('label',), or none.
    knobs: the numbers that one may turn when sampling, with their defaults: temperature, truncation, guidance, steps.
    meanings: of knobs whose name does not say all, `{name: a clause}`: what samples are at another temperature.
    completion_knobs: those of the knobs that `complete` takes too.
    projects: whether `complete` takes for `observed` an orthogonal projection too, f32[B, *shape] -> f32[B, *shape], of
      pixels in [-1, 1]: their grey, or the means of squares; see `jaxgen.samplers.clamped`.
    streams: whether `complete` takes `tell` too, `(index i32[], values i32[B]) -> None`, which is called with the entry
      that came `index`-th, of sequences, while the others are still to come; perhaps not in their order.
    entry_log_mass: `(params, extra, batch) -> f32[B, *shape]`, of tokens and of sound: the log-mass of each entry given
      those before it, in nats; their sum is that of the example.
    selected_by: the term of `evaluate` whose lowest mean over the validation split marks the best checkpoint; empty
      where no term does, as in a game of two losses.
    log_prob: `(params, extra, rng, batch) -> f32[B]`, the log-density in nats of
      `(u + U[0, 1)) / levels` on the unit cube (of `x` itself where the data is continuous); discrete
      models add `D log(levels)` to their log-mass. `jaxgen.metrics.bits_per_dim` converts it. Of sequences that a mask
      fills up it is the log-mass itself, so that those of different lengths can be compared.
    log_prob_estimate: how `log_prob` comes to its number; None without it.
    latents: `(params, extra, rng, num) -> latents`, draws of the prior: a pytree of arrays with leading axis num.
    encode: `(params, extra, rng, batch) -> latents`, of the same structure; conditions are no part of it.
    decode: `(params, extra, latents, given=None) -> x[B, ...]`.
    complete: `(params, extra, rng, batch, observed, **knobs) -> x[B, ...]`: x where `observed`, bool[B, *shape], and
      elsewhere a draw of what is missing given what is there.
    impute: the same, and elsewhere the one value that stands for what is missing: its mean given what is there, of
      categories the most probable one.
    score: `(params, extra, x, sigma, given=None) -> f32[B, *shape]`, of the data blurred by `sigma`, f32[B], at `x`,
      f32[B, *shape]: any sampler of `jaxgen.samplers` can be run on it.
    class_log_prob: `(params, extra, x, sigma) -> f32[B, classes]`, of each label given the data blurred by `sigma`,
      f32[B], as x, f32[B, *shape], has them, in nats: what guides a score model.
    noise_range: the largest and the smallest noise at which the score, or the classifier, was trained; None without.
    trajectory: `(params, extra, rng, num, given=None, **knobs) -> x[T, num, ...]`, the stages that `sample` goes
      through: a Langevin chain, an image filled in position by position.
    standing: `(params, extra, rng) -> extra`, with what training measures of its own parameters (batch statistics)
      as it is for averaged ones: measured anew, or averaged too. None where there is nothing of the kind.
    health: `(train, held_out, seen) -> sentences`, of the newest rows of metrics by name: means of the last steps, and
      those of `evaluate`, by the same weights, of held-out and of training examples: what is wrong with the training,
      in words; none where nothing is. None where no metric tells.
    compares_seen: whether `health` reads `seen`, which is measured for it alone; it is empty otherwise.
    codes: the field that latents are an example of, where another model can be trained on them as they are: tokens of a
      codebook. Where latents are a mapping of several levels, a field for each, in the order in which they are drawn.
      None: they are trees of numbers.
    levels: of latents that are a hierarchy, f32[B, D], how many of these D numbers each level has, those of the lowest,
      which is drawn last, first; empty of others.
  """

  init: Callable[..., tuple[Params, Extra]]
  update: Update
  evaluate: Callable[..., Mapping[str, jax.Array]]
  sample: Callable[..., jax.Array] | None
  objective: str
  given: tuple[str, ...] = ()
  knobs: Mapping[str, float] = MappingProxyType({})
  meanings: Mapping[str, str] = MappingProxyType({})
  completion_knobs: tuple[str, ...] = ()
  projects: bool = False
  streams: bool = False
  selected_by: str = ''
  log_prob: Callable[..., jax.Array] | None = None
  log_prob_estimate: Estimate | None = None
  entry_log_mass: Callable[..., jax.Array] | None = None
  latents: Callable[..., Any] | None = None
  encode: Callable[..., Any] | None = None
  decode: Callable[..., jax.Array] | None = None
  complete: Callable[..., jax.Array] | None = None
  impute: Callable[..., jax.Array] | None = None
  score: Callable[..., jax.Array] | None = None
  class_log_prob: Callable[..., jax.Array] | None = None
  noise_range: tuple[float, float] | None = None
  trajectory: Callable[..., jax.Array] | None = None
  standing: Callable[..., Extra] | None = None
  codes: Field | DataSpec | None = None
  levels: tuple[int, ...] = ()
  summary: Callable[..., Mapping[str, Any]] | None = None
  health: Callable[..., list[str]] | None = None
  compares_seen: bool = False

  def __hash__(self) -> int:
    """Of its functions: models are keys of caches, and what `knobs` is has no hash."""
    return hash((self.init, self.update, self.evaluate, self.sample))


class Stage(NamedTuple):
  """A trained run that a model is built on: what `build(config, stages)` receives for each name in its `STAGES`.

  What a program needs of it at every step, a frozen teacher's weights say, belongs into `extra` of the new model, as
  `extra['stages'][name]`: checkpoints hold it, and a program that closes over it would hold a copy.

  Attributes:
    workdir: its folder.
    config: of the run.
    model: what that config builds.
    params: of the checkpoint, averaged where the run keeps an average.
    extra: what belongs to these parameters.
    step: of the checkpoint.
    sha256: of its weights; see `jaxgen.runs.stages.checksum`.
  """

  workdir: str
  config: Any
  model: GenerativeModel
  params: Params
  extra: Extra
  step: int
  sha256: str
