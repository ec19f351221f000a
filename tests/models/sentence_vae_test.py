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

X, MASK = Field('tokens', (5,), 7), Field('mask', (5,), 2)


def _model(x=X, end=None, **changes):
  config = sentence_vae_text.get_config('smoke')
  config.model.update(changes)
  config.data.fields = fields.to_dict({'x': x} | ({} if end is None else {'observed': MASK}))
  if end is not None:
    config.data.end = end
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


def test_what_fills_a_sentence_up_is_neither_read_nor_counted_nor_written():
  model = _model(end=0, free_bits=0.0)
  x = jnp.array([[3, 4, 0, 0, 0], [0, 0, 0, 0, 0], [1, 2, 3, 4, 5], [6, 6, 6, 6, 0]], jnp.uint8)
  mask = jnp.array([[1, 1, 1, 0, 0], [1, 0, 0, 0, 0], [1] * 5, [1] * 5], jnp.uint8)
  params, extra = jax.jit(model.init)(jax.random.key(0), {})
  evaluate, encode, rng = jax.jit(model.evaluate), jax.jit(model.encode), jax.random.key(1)
  batches = [{'x': jnp.where(mask, x, fill), 'observed': mask} for fill in (0, 5)]
  terms = [evaluate(params, extra, rng, batch) for batch in batches]
  jax.tree.map(np.testing.assert_array_equal, *terms)
  batches.append({'x': x})  # the end tells it without a mask
  latents = [encode(params, extra, rng, batch) for batch in batches]
  for others in latents[1:]:
    np.testing.assert_array_equal(latents[0], others)
  tokens = np.array([3, 1, 5, 5])
  np.testing.assert_array_equal(terms[0]['tokens'], tokens)
  numbers = model.summary({name: np.asarray(value, np.float64).mean(0) for name, value in terms[0].items()})
  nats = -np.asarray(terms[0]['elbo'], np.float64)  # a log-mass, whatever the length
  assert numbers['elbo_bits_per_dim'] == pytest.approx(nats.sum() / 14 / np.log(2), rel=1e-5)
  bits = numbers['negative_log_likelihood'] * 4 / 14 / np.log(2)
  assert numbers['bits_per_dim'] == pytest.approx(bits, rel=1e-6)
  kept = jax.jit(model.complete)(params, extra, rng, {'x': x.at[:, 0].set(0)}, jnp.ones(x.shape, bool))
  np.testing.assert_array_equal(kept, x.at[:, 0].set(0))
  drawn = np.asarray(jax.jit(model.sample, static_argnums=3)(params, extra, rng, 200))
  assert (drawn == 0).any()
  for row in drawn:
    assert not row[np.flatnonzero(row == 0)[:1].sum() if (row == 0).any() else 5 :].any()
