"""A prior on the lower codes of an autoencoder of two levels, given the upper ones (Razavi, van den Oord & Vinyals,
"Generating diverse high-fidelity images with VQ-VAE-2", 2019, section 3.2), which another run draws.

It is `jaxgen.models.autoregressive.codes_prior` with one stage more: `--use=decoded` draws from the top, by the stage
`above`, to the bottom, by this run, to images, by the stage `decoder`. All three must be of one codebook.
"""

from collections.abc import Mapping

from ml_collections import ConfigDict

from jaxgen import fields
from jaxgen.config_keys import StageKey
from jaxgen.errors import UserError
from jaxgen.models.autoregressive import codes_prior
from jaxgen.types import GenerativeModel, Stage

KEYS = codes_prior.KEYS
STAGES = {
  **codes_prior.STAGES,
  'above': StageKey('the run that draws the codes of the level above', needs=('sample',)),
}


def build(config: ConfigDict, stages: Mapping[str, Stage]) -> GenerativeModel:
  """The model that `config.model` describes (keys: `KEYS`).

  Raises:
    UserError: as `codes_prior.build`, or if the stage above does not draw the codes that are given.
  """
  decoder, above = stages['decoder'], stages['above']
  given, names = (
    fields.given(config),
    [name for name in codes_prior.levels_of(decoder) if name in config.given],
  )
  if len(names) != 1:
    raise UserError(
      f'config.given={tuple(config.given)} must name one level of codes that the stage decoder ({decoder.workdir}) has '
      f'besides x: {", ".join(name for name in codes_prior.levels_of(decoder) if name != "x") or "it has none"}.'
    )
  of = above.config.data.get('weights_sha256', '')
  if of != decoder.sha256 or fields.of(above.config)['x'] != given[names[0]]:
    raise UserError(
      f'The stage above ({above.workdir}) draws codes of {of[:8] or "no run"}, and not the {names[0]} codes of '
      f'{decoder.sha256[:8]}, the stage decoder ({decoder.workdir}); train it on the {names[0]} codes of that run.'
    )
  if strange := set(above.model.given) - set(config.given):
    raise UserError(
      f'The stage above ({above.workdir}) is given {", ".join(sorted(strange))}, and this run is not; add it to '
      'config.given.'
    )
  return codes_prior.build(config, stages)
