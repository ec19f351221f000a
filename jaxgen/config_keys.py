"""Every key that all experiments share: its default, its type, what it may be, and what it means.

A model's module states the keys of `config.model` in the same way, as `KEYS`, and where it leaves a choice of samplers
those of `config.sampler`, as `SAMPLER`. `jaxgen.config.check` holds configs against these tables, and the reference of
keys is made from them.
"""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

TYPES = {bool: 'True or False', int: 'a whole number', float: 'a number', str: 'text', tuple: 'a tuple'}


class Key(NamedTuple):
  """One key of a config.

  Attributes:
    default: its value in `jaxgen.config.defaults`, or for a model a usual one.
    type: bool, int, float, str; or `tuple[int, ...]`, `tuple[str, ...]`.
    meaning: in one line.
    range: the numbers allowed, as an interval: '[0, 1)' holds 0 but not 1. Of a tuple: of each entry.
    choices: the texts allowed, where only some are.
    prefixes: of other texts that are allowed: 'inception:' stands before any path.
    least: how many entries a tuple has, or letters a text, at least.
    before: its value in a run that is older than the key, where that is not the default; of a model's key that there
      are older runs of, in any case.
  """

  default: Any
  type: Any
  meaning: str
  range: str = '(-inf, inf)'
  choices: tuple[str, ...] = ()
  prefixes: tuple[str, ...] = ()
  least: int = 0
  before: Any = None

  def allows(self, value: Any) -> bool:
    """Whether the key may have this value."""
    kind = _entry_type(self.type)
    if kind is self.type:
      return self._allows_entry(value, kind) and (kind is not str or len(value) >= self.least)
    is_list = isinstance(value, (tuple, list)) and len(value) >= self.least
    return is_list and all(self._allows_entry(entry, kind) for entry in value)

  def _allows_entry(self, value, kind):
    # To Python a bool is an int, which nobody means; an np.float64 is a float, as everybody does.
    if isinstance(value, bool) is not (kind is bool):
      return False
    if not isinstance(value, (int, float) if kind is float else kind):
      return False
    if kind in (int, float):
      return within(value, self.range)
    return not self.choices or value in self.choices or value.startswith(self.prefixes)

  def words(self) -> str:
    """What it may be, as the end of the sentence 'it must be ...'."""
    kind = _entry_type(self.type)
    entry = TYPES[kind] + (f' in {self.range}' if kind in (int, float) else '')
    if self.choices:
      listed = [choice or '(empty)' for choice in self.choices] + [f'{start}...' for start in self.prefixes]
      entry = f'one of: {", ".join(listed)}'
    if kind is self.type:
      return entry + (' that is not empty' if self.least else '')
    return f'a tuple of {"one or more entries" if self.least else "entries"}, each {entry}'


class StageKey(NamedTuple):
  """A run that a model is built on, one entry of `STAGES` in its module: `config.stages.<name>` is its folder.

  Attributes:
    meaning: in one line: 'the run whose decoder turns codes into images'.
    needs: the abilities that its model must have, attributes of `GenerativeModel`: ('decode',).
    optional: whether the model does without it too. Such a stage is no part of the training run: a command that names
      it has it, as it is at its best step by then, or the newest of a run that knows no best. The run remembers nothing
      of it; what is drawn with it is recorded with its step and the checksum of its weights.
  """

  meaning: str
  needs: tuple[str, ...] = ()
  optional: bool = False


# {key: Key}, with a table of its own for each section
Keys = Mapping[str, 'Key | Keys']


def within(value: float, interval: str) -> bool:
  """Whether a number lies in an interval such as '[0, 1)'; nan lies in none."""
  low, high = map(float, interval[1:-1].split(','))
  above = value >= low if interval[0] == '[' else value > low
  below = value <= high if interval[-1] == ']' else value < high
  return above and below and math.isfinite(value)


def default_values(keys: Keys) -> dict[str, Any]:
  """The table with the default in the place of each key."""
  return {name: key.default if isinstance(key, Key) else default_values(key) for name, key in keys.items()}


def filled(keys: Keys, values: Any) -> Any:
  """The values of a section with the default in the place of each key that they leave out; what is no section stays."""
  if not isinstance(values, Mapping):
    return values
  sections = {
    name: filled(key, values.get(name, {})) for name, key in keys.items() if not isinstance(key, Key)
  }
  return {**default_values(keys), **values, **sections}


def values_before(keys: Keys) -> dict[str, Any]:
  """The table with the value that a run has which is older than the key."""
  return {
    name: key.default if key.before is None else key.before
    for name, key in keys.items()
    if isinstance(key, Key)
  }


def _entry_type(kind):
  return getattr(kind, '__args__', (kind,))[0]


# Bounds that no useful run comes near, and that keep a slip from asking for all the memory there is.
WIDTH = '[1, 65536]'
DEPTH = '[1, 1024]'
_EVERY = '[0, 2147483647]'  # steps are counted in 32 bits
_STEPS = '[1, 2147483647]'

OPTIMIZER = {
  'name': Key('adam', str, 'the rule', choices=('adam', 'adamw', 'adamax', 'rmsprop', 'sgd')),
  'learning_rate': Key(1e-3, float, 'after the warm-up', '[0, inf)'),
  'schedule': Key('constant', str, 'what follows the warm-up', choices=('constant', 'cosine', 'linear')),
  'warmup_steps': Key(0, int, 'over which the rate rises linearly from 0', _EVERY),
  'decay_steps': Key(0, int, 'step at which the schedule ends; 0: num_steps, as the run begins', _EVERY),
  'b1': Key(0.9, float, 'decay of the first moment, of adam, adamw and adamax', '[0, 1)'),
  'b2': Key(0.999, float, 'decay of the second moment, of the same', '[0, 1)'),
  'momentum': Key(0.0, float, 'of sgd and rmsprop', '[0, 1)'),
  'rms_decay': Key(0.9, float, 'of the mean square by which rmsprop divides', '[0, 1)'),
  'eps': Key(1e-8, float, 'added to the root of the second moment', '[0, inf)'),
  'weight_decay': Key(0.0, float, 'of adamw, which alone has one', '[0, inf)'),
  'clip_norm': Key(0.0, float, 'the largest norm of a gradient; 0: any', '[0, inf)'),
}

DATA = {
  'name': Key(
    'digits',
    str,
    'digits; tfds: toy: synthetic: markov: npz: folder: pairs: domains: table: text: audio:<name>; text:stdlib; '
    'audio:strings',
    least=1,
  ),
  'image_size': Key(0, int, 'pixels a side that images are resized to; 0: as they are', '[0, 4096]'),
  # a run that is older was trained on everything
  'validation': Key(0.1, float, 'share of the training set that is held out; 0: none', '[0, 1)', before=0.0),
  'without': Key((), tuple[int, ...], 'classes that train and validation do not have', '[0, 65535]'),
  'binarized': Key(False, bool, 'whether a pixel is 1 or 0, drawn once for all by its intensity'),
  'binarized_draws': Key(
    1, int, 'draws of a training image, the next in every epoch; 1: the one for all', '[1, 1000]'
  ),
  'twin': Key(
    (),
    tuple[str, ...],
    'what makes the field y of the images x, one after the other',
    choices=('inverted', 'rotated', 'downsampled'),
  ),
  'paired': Key(True, bool, 'whether a step has the twins of its own images, or of others'),
  'context': Key(
    256, int, 'tokens of an example of text or of a Markov chain, samples of one of sound', '[1, 1048576]'
  ),
  'rate': Key(8000, int, 'samples a second of sound, Hz', '[1, 1000000]'),
  'levels': Key(256, int, 'values of a sample of sound, codes of mu-law companding', '[2, 65536]'),
  'sentences': Key(False, bool, 'whether an example of text is one sentence, not a window'),
  'tokenizer': Key('characters', str, 'of text', choices=('bytes', 'characters', 'bpe')),
  'vocabulary': Key(1024, int, 'tokens of bpe, at most', '[257, 65536]'),
  'categories': Key((), tuple[str, ...], 'columns of a table that hold categories, though they are numbers'),
  'missing': Key(
    0.0, float, 'share of the values of a table that is removed, completely at random', '[0, 1)'
  ),
  'missing_seed': Key(0, int, 'chooses which', '[0, 4294967295]'),
}

# What a run reads off its data and keeps beside them in its config, a table for each field; nobody sets these.
RESOLVED: dict[str, Any] = {
  'fields': {},
  'weights_sha256': Key(
    '', str, 'the checksum of the weights whose codes these are; absent where they are none'
  ),
  'columns': Key(
    (), tuple[int, ...], 'how many categories each column of a table has; absent without', '[0, inf)'
  ),
  'end': Key(0, int, 'the token that ends an example of text; absent where none does', _EVERY),
}
FIELD = {
  'kind': Key(
    'image', str, 'of the field', choices=('image', 'vector', 'table', 'tokens', 'audio', 'label', 'mask')
  ),
  'shape': Key((8, 8, 1), tuple[int, ...], 'of one example', '[1, inf)'),
  'levels': Key(17, int, 'the number of values of an entry; 0: continuous', '[0, 2147483647]'),
}

# See `jaxgen.metrics.evaluation.Settings` and `jaxgen.metrics.features.choose`.
EVALUATION = {
  'metrics': Key(
    (),
    tuple[str, ...],
    'of `jaxgen.metrics.catalogue`; empty: all that apply to the model',
    choices=(
      'bits_per_dim',
      'negative_log_likelihood',
      'kl_data_model',
      'reconstruction_error',
      'frechet_distance',
      'frechet_to_splits',
      'kernel_distance',
      'inception_score',
      'precision_recall',
      'density_coverage',
      'sharpness',
      'memorization',
      'pitch',
      'class_modes',
      'mixture_modes',
    ),
  ),
  'features': Key(
    'auto',
    str,
    'what samples are compared by; inception:<path> reads the weights from there',
    choices=('auto', 'inception', 'classifier', 'random', 'identity', 'ngrams', 'spectra'),
    prefixes=('inception:',),
  ),
  'num_samples': Key(
    0, int, 'samples to draw; 0: as many as the split has examples, at most 10,000', '[0, 10000000]'
  ),
  'against': Key(
    'train',
    str,
    'the split that samples are compared with; half: one half of train',
    choices=('train', 'validation', 'test', 'half'),
  ),
  'num_held_out': Key(
    0, int, 'held-out examples whose likelihood and reconstruction are measured; 0: all', '[0, 10000000]'
  ),
  'noise_draws': Key(
    1, int, 'draws of dequantization noise for each example, whose mean log-likelihood is taken', '[1, 1024]'
  ),
}

KEYS: dict[str, Any] = {
  'module': Key('', str, "whose build(config) makes the model: 'jaxgen.models.flow.glow'", least=1),
  'model': {},  # the keys of the module
  'stages': {},  # the folders of the runs that it is built on, by the names in `STAGES` of the module
  'init_from': Key(
    '', str, 'the folder of a run whose weights, where they fit, a new run begins with; empty: none'
  ),
  'data': DATA,
  'given': Key((), tuple[str, ...], "fields of the data that are conditions: ('label',)"),
  'optimizer': OPTIMIZER,
  'ema_decay': Key(
    0.999, float, 'of the averaged weights, per step that moves them; a GAN averages its generator', '[0, 1)'
  ),
  # jax.random.key takes 32 bits: of a larger number it would drop the others without a word.
  'seed': Key(0, int, 'of the first parameters, the order of the data and all noise', '[0, 4294967295]'),
  'batch_size': Key(64, int, 'examples of a step, over all devices', '[1, 1048576]'),
  'accumulate': Key(
    1,
    int,
    'batches that make one step: one of as many times more examples, at the memory of one',
    '[1, 65536]',
  ),
  'num_steps': Key(1000, int, 'training steps of a run', _STEPS),
  'max_minutes': Key(
    0.0, float, 'of training, after which a run ends before num_steps; 0: no limit', '[0, inf)'
  ),
  'steps_per_dispatch': Key(1, int, 'training steps in one compiled program', '[1, 100000]'),
  'parallel': Key(
    'pmap',
    str,
    'the program on several devices; see `jaxgen.parallel`',
    choices=('pmap', 'shard_map', 'fsdp'),
  ),
  'dtype': Key(
    'float32', str, 'what networks compute in; all else is float32', choices=('float32', 'bfloat16')
  ),
  'remat': Key(False, bool, 'blocks of networks are computed twice, and less is kept between'),
  'log_every': Key(50, int, 'steps between two rows of metrics; 0: none but the last', _EVERY),
  'eval_every': Key(500, int, 'steps between two looks at the validation split; 0: never', _EVERY),
  'sample_every': Key(500, int, 'steps between two grids of samples; 0: never', _EVERY),
  'checkpoint_every': Key(500, int, 'steps between two checkpoints; 0: only at the end', _EVERY),
  'keep_checkpoints': Key(3, int, 'how many of the newest are kept; 0: all', '[0, 1000000]'),
  'num_samples': Key(64, int, 'samples in a grid', '[1, 100000]'),
  'evaluation': EVALUATION,
}
