"""A variational autoencoder whose posterior, and whose prior if wanted, is a flow.

Kingma et al., "Improving variational inference with inverse autoregressive flow", 2016; Rezende & Mohamed, "Variational
inference with normalizing flows", 2015.

It is `jaxgen.models.vae.vae_mlp` with other settings to begin with: there, too, the encoder gives the context that the
flow of the posterior is conditioned on. See `jaxgen.settings.vae_slots` for the flows.
"""

from jaxgen.models.vae.vae_mlp import build
from jaxgen.settings import vae as settings

__all__ = ['KEYS', 'build']

KEYS = {
  **{name: key for name, key in settings.KEYS.items() if name != 'channels'},
  'posterior': settings.KEYS['posterior']._replace(default='iaf', before=None),
}
