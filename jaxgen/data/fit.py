"""Whether the fields of the data fit a config: its conditions, and gaps that not every module knows."""

from ml_collections import ConfigDict

from jaxgen import fields
from jaxgen.errors import UserError


def check_conditions(config: ConfigDict) -> None:
  """Conditions are fields of the data, other than what is modelled and than what would tell it.

  Raises:
    UserError: naming the one that is not.
  """
  names = [name for name in fields.of(config) if name != 'x']
  there = f'there are: {", ".join(names)}' if names else 'it has no other than x'
  for name in config.given:
    if list(config.given).count(name) > 1:
      raise UserError(f'config.given names {name} more than once; name it once.')
    if name == 'x':
      raise UserError('config.given names x, which is what is modelled; leave it away.')
    if name not in names:
      raise UserError(f'config.given names "{name}", which is no field of {config.data.name}; {there}.')
    if fields.OBSERVED in names and name in fields.ANSWERS:
      raise UserError(
        f'config.given names {name}, which tells what was removed from {config.data.name}; leave it away.'
      )
    if name == fields.OBSERVED and fields.is_padded(fields.of(config)):
      raise UserError(
        f'config.given names {name}, which tells how long an example is before its first token; leave it away.'
      )


def check_gaps(config: ConfigDict, knows_gaps: bool) -> None:
  """A model that looks at x alone would learn gaps as zeros, and codes of categories as numbers.

  Args:
    config: with the fields of its data.
    knows_gaps: whether its module says that its model looks at the mask.

  Raises:
    UserError: if the data have gaps, or are a table, and the model knows of none; or if a mask does not fit x.
  """
  spec = fields.of(config)
  gaps = fields.OBSERVED in spec and spec[fields.OBSERVED].kind == 'mask'
  if gaps and not (fields.has_gaps(spec) or fields.is_padded(spec)):
    x, mask = spec['x'], spec[fields.OBSERVED]
    raise UserError(
      f'The mask "{fields.OBSERVED}" of {config.data.name} has the shape {mask.shape}, and x is {x.kind} of shape '
      f'{x.shape}; a mask is of the shape of x, of continuous entries or of a sequence of tokens.'
    )
  if (gaps or spec['x'].kind == 'table') and not knows_gaps:
    if fields.is_padded(spec):
      raise UserError(
        f'{config.data.name} is filled up to one length, which {config.module} would learn as text; set '
        '--config=sentence_vae_text, or --config.data.sentences=False.'
      )
    raise UserError(
      f'{config.data.name} is a table or has missing entries, which {config.module} would learn as numbers; set '
      '--config=tabular_vae_wine, or give other data.'
    )
