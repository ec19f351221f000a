"""The model of sentences as a config builds it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from configs import sentence_vae_text
from jaxgen import fields
from jaxgen.errors import UserError
from jaxgen.models.vae import sentence_vae
from jaxgen.types import DATA_AXIS, Field, State

X = Field('tokens', (5,), 7)


def _model(x=X, **changes):
  config = sentence_vae_text.get_config('smoke')
  config.model.update(changes)
  config.data.fields = fields.to_dict({'x': x})
  return sentence_vae.build(config)


def test_the_decoder_is_not_told_of_hidden_tokens_in_training_and_of_all_in_evaluation():
  """A step by the same weights is another where every token is hidden, and evaluation does not tell the difference."""
  x = jax.random.randint(jax.random.key(0), (16, 5), 0, 7).astype(jnp.uint8)
  told, untold = _model(word_dropout=0.0), _model(word_dropout=1.0)
  params, extra = jax.jit(told.init)(jax.random.key(0), {})
  params['decoder']['embed'] = {'embedding': params['decoder']['embed']['embedding'].at[7].add(3.0)}

  def step(model):
    state = State(jnp.int32(0), params, extra, model.update.init(params), jax.random.key(1))
    apply = jax.vmap(model.update.apply, in_axes=None, out_axes=None, axis_name=DATA_AXIS, axis_size=1)
    return jax.jit(apply)(state, jax.random.key(2), {'x': x})[1]['reconstruction'].total

  assert abs(step(told) - step(untold)) > 0.1  # in nats, over 16 sentences
  terms = [jax.jit(m.evaluate)(params, extra, jax.random.key(3), {'x': x}) for m in (told, untold)]
  np.testing.assert_array_equal(terms[0]['reconstruction'], terms[1]['reconstruction'])


def test_free_bits_and_warm_up_are_those_of_the_objective():
  words = _model(free_bits=0.5, kl_warmup_steps=30).objective
  assert '1 * max(kl, 0.5 nats) of each latent' in words
  assert 'warm-up over 30 steps' in words
  assert 'categorical over 7 values of each entry given those before it' in words


def test_what_is_no_text_is_refused():
  with pytest.raises(UserError, match='models text, not image data of shape'):
    _model(Field('image', (8, 8, 1), 17))


def test_the_decoder_is_told_the_label_at_every_place_and_by_itself():
  """Whole sentences and one token after the other, under labels as conditions: one program."""
  decoder = sentence_vae.Decoder(7, 8)
  z, x = jax.random.normal(jax.random.key(0), (2, 3)), jnp.arange(10).reshape(2, 5) % 7
  labels = [{'label': jax.nn.one_hot(jnp.full(2, label), 4)} for label in (0, 3)]
  params = jax.jit(lambda rng: decoder.init(rng, z, x, labels[0], False))(jax.random.key(1))
  whole = jax.jit(lambda given: decoder.apply(params, z, x, given, False))
  one = jax.jit(lambda *args: decoder.apply(params, z, *args, labels[0], method='step'))
  logits, others = map(whole, labels)
  assert logits.shape == (2, 5, 7) and (logits != others).any(-1).all()
  state, before = decoder.apply(params, z, x, labels[0], method='start'), jnp.full(2, 7)
  for place in range(5):
    step, state = one(before, place, state)
    np.testing.assert_allclose(step, logits[:, place], atol=1e-5)
    before = x[:, place]
