"""A variational autoencoder of sentences, of two recurrent networks (Bowman et al., "Generating sentences from a
continuous space", 2016, figure 1).

The encoder reads a sentence from its end; its last state gives q(z|x). What fills a sentence up is no part of it: the
encoder does not read it, and the likelihood does not count it. The
decoder is a language model that is told z: its first state is made of it, and it stands beside every token that is
read. A language model can do without z, and then q(z|x) becomes the prior: against that work the warm-up of the KL,
tokens that are hidden from the decoder (see `jaxgen.families.vae.entry_by_entry`), and free bits.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn
from ml_collections import ConfigDict

from jaxgen import fields
from jaxgen.config_keys import WIDTH, Key
from jaxgen.errors import UserError
from jaxgen.families.autoregressive import token_by_token
from jaxgen.families.conditions import joined
from jaxgen.families.vae import categorical, entry_by_entry
from jaxgen.nn import Dense
from jaxgen.settings import vae as settings
from jaxgen.settings import vae_slots
from jaxgen.types import Batch, GenerativeModel

KEYS = {
  **vae_slots.KEYS,
  'width': Key(
    128, int, 'of embeddings, of both recurrent networks, and of masked networks of a flow', WIDTH
  ),
  'latent_dim': settings.KEYS['latent_dim'],
  'word_dropout': Key(
    0.3, float, 'share of the tokens that are hidden from the decoder in training', '[0, 1]'
  ),
  'reconstruction_weight': settings.KEYS['reconstruction_weight']._replace(before=1.0),
  **{name: settings.KEYS[name] for name in ('kl_weight', 'kl_warmup_steps', 'importance_samples')},
}


GAPS = True  # a mask says where each sentence ends; see `jaxgen.experiment.build_model`


class Encoder(nn.Module):
  """x i32[B, T] and conditions -> (mean, log_var), each f32[B, latent_dim], and a context f32[B, context] if any.

  Where the mask `jaxgen.fields.OBSERVED` is among the conditions, only what it marks is read.

  Attributes:
    levels: the size of the vocabulary.
    width: of embeddings and of the recurrent network.
    latent_dim: the numbers in z.
    context: numbers for the flow of a posterior.
  """

  levels: int
  width: int
  latent_dim: int
  context: int = 0

  @nn.compact
  def __call__(self, x: jax.Array, given: Batch, train: bool) -> tuple[jax.Array, ...]:
    del train
    others = {name: value for name, value in given.items() if name != fields.OBSERVED}
    lengths = given[fields.OBSERVED].sum(-1).astype(jnp.int32) if fields.OBSERVED in given else None
    network = nn.RNN(nn.GRUCell(self.width), reverse=True, return_carry=True)
    last, _ = network(nn.Embed(self.levels, self.width)(x), seq_lengths=lengths)
    h = joined(last, others)
    mean, log_var = jnp.split(nn.Dense(2 * self.latent_dim)(h), 2, axis=-1)
    return (mean, log_var, nn.Dense(self.context)(h)) if self.context else (mean, log_var)


class Decoder(nn.Module):
  """z f32[B, latent_dim], x i32[B, T] and conditions -> logits f32[B, T, levels], each of z and the tokens before it.

  Attributes:
    levels: the size of the vocabulary; as a token it stands for one that is hidden, and before the first.
    width: of embeddings and of the recurrent network.
  """

  levels: int
  width: int

  def setup(self) -> None:
    self.embed = nn.Embed(self.levels + 1, self.width)
    self.first, self.cell, self.logits = nn.Dense(self.width), nn.GRUCell(self.width), Dense(self.levels)
    self.network = nn.RNN(self.cell)

  def __call__(self, z: jax.Array, x: jax.Array, given: Batch, train: bool) -> jax.Array:
    del train
    before = jnp.pad(x[:, :-1], ((0, 0), (1, 0)), constant_values=self.levels)
    told = joined(z, given)[:, None]
    told = jnp.broadcast_to(told, (*x.shape, told.shape[-1]))
    inputs = jnp.concatenate([self.embed(before), told], -1)
    return self.logits(self.network(inputs, initial_carry=self.start(z, x, given)))

  def start(self, z: jax.Array, x: jax.Array, given: Batch) -> jax.Array:
    """The state before the first token of x [B, T], f32[B, width]."""
    del x
    return nn.tanh(self.first(joined(z, given)))

  def step(
    self, z: jax.Array, before: jax.Array, index: jax.Array, state: jax.Array, given: Batch
  ) -> tuple[jax.Array, jax.Array]:
    """The token before a place, i32[B], and the state f32[B, width] -> its logits f32[B, levels], the next state."""
    del index
    state, h = self.cell(state, jnp.concatenate([self.embed(before), joined(z, given)], -1))
    return self.logits(h), state


def build(config: ConfigDict) -> GenerativeModel:
  """The model that `config.model` describes (keys: `KEYS`).

  Raises:
    UserError: if the data are no tokens, or two settings do not fit each other.
  """
  model, spec, end = config.model, fields.of(config), config.data.get('end')
  x = spec['x']
  if x.kind != 'tokens':
    raise UserError(f'jaxgen.models.vae.sentence_vae models text, not {x.kind} data of shape {x.shape}.')
  return settings.of_config(
    config,
    Encoder(x.levels, model.width, model.latent_dim, vae_slots.context(model)),
    Decoder(x.levels, model.width),
    **vae_slots.chosen(model, fields.given(config)),
    likelihood=categorical(x),
    decoding=entry_by_entry(x, model.word_dropout, token_by_token(x.levels), end),
    padded=fields.is_padded(spec),
    end=end,
    importance_samples=model.importance_samples,
  )
