"""Config -> optax: one optimizer, its schedule and its gradient clipping."""

import optax
from ml_collections import ConfigDict

from jaxgen.errors import UserError

_SCHEDULES = {
  'constant': lambda peak, steps: optax.constant_schedule(peak),
  'cosine': lambda peak, steps: optax.cosine_decay_schedule(peak, steps),
  'linear': lambda peak, steps: optax.linear_schedule(peak, 0.0, steps),
}

_RULES = {
  'adam': lambda c, rate: optax.adam(rate, b1=c.b1, b2=c.b2, eps=c.eps),
  'adamw': lambda c, rate: optax.adamw(rate, b1=c.b1, b2=c.b2, eps=c.eps, weight_decay=c.weight_decay),
  'adamax': lambda c, rate: optax.adamax(rate, b1=c.b1, b2=c.b2, eps=c.eps),
  # as for the others, eps is added to the root
  'rmsprop': lambda c, rate: optax.rmsprop(
    rate, decay=c.rms_decay, eps=c.eps, eps_in_sqrt=False, momentum=c.momentum or None
  ),
  'sgd': lambda c, rate: optax.sgd(rate, momentum=c.momentum or None),
}


def make(
  config: ConfigDict,
  num_steps: int,
  *,
  period: int = 1,
  first: optax.GradientTransformation | None = None,
) -> optax.GradientTransformation:
  """The optimizer that `config.optimizer` describes.

  Args:
    config: see `jaxgen.config_keys.OPTIMIZER` for its keys.
    num_steps: of the run; its schedule ends there where `config.decay_steps` is 0.
    period: of the steps at which this optimizer moves, where others move in between. `warmup_steps` are its own moves.
    first: what gradients go through before all else.

  Raises:
    UserError: if the name or the schedule is unknown.
  """
  moves = -(-(config.decay_steps or num_steps) // period)
  rule = _choose(_RULES, config.name, 'optimizer')(config, schedule(config, moves))
  before = [first] if first else []
  if config.clip_norm:
    before.append(optax.clip_by_global_norm(config.clip_norm))
  return optax.chain(*before, rule) if before else rule


def schedule(config: ConfigDict, num_steps: int) -> optax.Schedule:
  """Linear warm-up over `warmup_steps`, then the named schedule up to `num_steps`, the optimizer's own."""
  after = _choose(_SCHEDULES, config.schedule, 'schedule')(
    config.learning_rate, max(1, num_steps - config.warmup_steps)
  )
  if not config.warmup_steps:
    return after
  warmup = optax.linear_schedule(0.0, config.learning_rate, config.warmup_steps)
  return optax.join_schedules([warmup, after], [config.warmup_steps])


def _choose(table, name, kind):
  if name not in table:
    raise UserError(f'There is no {kind} "{name}"; choose one of: {", ".join(table)}.')
  return table[name]
