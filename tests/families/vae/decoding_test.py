"""Decoders that read what they write: causal, of exact densities, drawn by the same probabilities that are trained."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgen.families.autoregressive import token_by_token, whole_network
from jaxgen.families.vae import categorical, diagonal_gaussian, elbo, entry_by_entry, standard_normal, vae
from jaxgen.families.vae.decoding import ALL_AT_ONCE
from jaxgen.models.vae.sentence_vae import Decoder, Encoder
from jaxgen.types import Field

LEVELS, LENGTH, DIM = 3, 3, 2
X = Field('tokens', (LENGTH,), LEVELS)
SENTENCES = jnp.array(list(itertools.product(range(LEVELS), repeat=LENGTH)), jnp.uint8)
NETWORK = Decoder(LEVELS, 8)
PREDICTORS = {'cached': token_by_token(LEVELS), 'whole': whole_network}


def _model(predictor='cached', importance_samples=64, word_dropout=0.0):
  return vae(
    Encoder(LEVELS, 8, DIM),
    NETWORK,
    prior=standard_normal(DIM),
    posterior=diagonal_gaussian(DIM),
    objective=elbo(),
    likelihood=categorical(X),
    decoding=entry_by_entry(X, word_dropout, PREDICTORS[predictor]),
    tx=optax.adam(1e-3),
    ema_decay=0.9,
    x=X,
    importance_samples=importance_samples,
  )


def _params(model, scale=0.7):
  """Far from the beginning, so that every part of the networks shows."""
  params, _ = jax.jit(model.init)(jax.random.key(0), {})
  noise = np.random.default_rng(0)
  return jax.tree.map(lambda leaf: jnp.float32(noise.normal(0, scale, leaf.shape)), params)


@jax.jit
def _logits(params, z, x):
  return NETWORK.apply({'params': params['decoder']}, z, x.astype(jnp.int32), {}, train=False)


def _deaf(params):
  """With a decoder that is not told z: what reads it has no weight."""
  decoder = dict(params['decoder'])
  decoder['first'] = jax.tree.map(jnp.zeros_like, decoder['first'])
  cell = dict(decoder['cell'])
  for gate in ('ir', 'iz', 'in'):
    cell[gate] = {**cell[gate], 'kernel': cell[gate]['kernel'].at[-DIM:].set(0)}
  return {**params, 'decoder': {**decoder, 'cell': cell}}


def test_an_output_sees_z_and_all_that_comes_before_it_and_nothing_else():
  params, z = _params(_model()), jnp.ones((1, DIM))
  x = SENTENCES[5:6]
  changed = jnp.concatenate([x.at[0, i].set((x[0, i] + 1) % LEVELS) for i in range(LENGTH)])
  logits = _logits(params, jnp.tile(z, (LENGTH, 1)), changed)
  moved = (np.abs(logits - _logits(params, z, x)).max(-1) > 1e-4).T  # [output, input]
  np.testing.assert_array_equal(moved, np.tril(np.ones((LENGTH, LENGTH), bool), -1))
  assert (np.abs(_logits(params, -z, x) - _logits(params, z, x)).max(-1) > 1e-3).all()


@pytest.mark.parametrize('predictor', PREDICTORS)
def test_what_is_written_has_the_probabilities_that_are_trained(predictor):
  """Given z, by draws of all 27 sentences; at a temperature of 0 each token is the most likely one."""
  model = _model(predictor)
  params, num = _params(model), 20000
  deaf = _deaf(params)  # so that draws of the prior share one distribution
  drawn = jax.jit(model.sample, static_argnums=3)(deaf, {}, jax.random.key(1), num)
  found = np.bincount(drawn @ np.array([9, 3, 1]), minlength=27) / num
  log_probs = jax.nn.log_softmax(_logits(deaf, jnp.zeros((27, DIM)), SENTENCES))
  exact = jnp.exp(jnp.take_along_axis(log_probs, SENTENCES[..., None].astype(int), -1).sum((1, 2)))
  np.testing.assert_allclose(exact.sum(), 1, rtol=1e-5)
  np.testing.assert_allclose(found, exact, atol=0.012)

  z = jax.random.normal(jax.random.key(2), (5, DIM))
  greedy = jax.jit(model.decode)(params, {}, z)
  assert greedy.dtype == jnp.uint8
  np.testing.assert_array_equal(greedy, jnp.argmax(_logits(params, z, greedy), -1))
  cold = jax.jit(lambda rng: model.sample(params, {}, rng, 5, temperature=0.0, token_temperature=0.0))
  np.testing.assert_array_equal(
    cold(jax.random.key(3)), jnp.tile(model.decode(params, {}, z[:1] * 0), (5, 1))
  )
  assert model.knobs == {'temperature': 1.0, 'token_temperature': 1.0}


def test_the_bound_is_a_mass_of_all_sentences_and_that_of_the_language_model_without_z():
  """exp of an importance-weighted estimate is unbiased, and over all sentences it sums to one."""
  model = _model(importance_samples=4000)
  params = _params(model)
  params['encoder'] = jax.tree.map(lambda leaf: 0.3 * leaf, params['encoder'])
  log_prob = jax.jit(model.log_prob)
  mass = jnp.exp(log_prob(params, {}, jax.random.key(0), {'x': SENTENCES}) - LENGTH * np.log(LEVELS))
  np.testing.assert_allclose(mass.sum(), 1, atol=0.03)

  deaf = _deaf(params)
  deaf['encoder'] = jax.tree.map(
    jnp.zeros_like, deaf['encoder']
  )  # q(z|x) is the prior: all weights are alike
  log_probs = jax.nn.log_softmax(_logits(deaf, jnp.zeros((27, DIM)), SENTENCES))
  exact = jnp.take_along_axis(log_probs, SENTENCES[..., None].astype(int), -1).sum((1, 2))
  bound = log_prob(deaf, {}, jax.random.key(1), {'x': SENTENCES}) - LENGTH * np.log(LEVELS)
  np.testing.assert_allclose(bound, exact, atol=1e-4)
  terms = jax.jit(model.evaluate)(deaf, {}, jax.random.key(2), {'x': SENTENCES})
  np.testing.assert_allclose(terms['kl'], 0, atol=1e-6)
  np.testing.assert_allclose(terms['reconstruction'], -exact, atol=1e-4)


@pytest.mark.parametrize('predictor', PREDICTORS)
def test_a_sentence_is_continued_by_its_conditional_probabilities(predictor):
  """Of a decoder that ignores z completion is exact where what is observed comes first."""
  model = _model(predictor)
  deaf, num = _deaf(_params(model)), 4000
  x, observed = jnp.tile(jnp.array([[2, 0, 0]], jnp.uint8), (num, 1)), jnp.array([True, False, False])
  drawn = jax.jit(model.complete)(deaf, {}, jax.random.key(0), {'x': x}, jnp.broadcast_to(observed, (num, 3)))
  assert drawn.dtype == jnp.uint8 and (drawn[:, 0] == 2).all()
  rest = SENTENCES[18:]
  log_probs = jax.nn.log_softmax(_logits(deaf, jnp.zeros((9, DIM)), rest))
  exact = jnp.exp(jnp.take_along_axis(log_probs, rest[..., None].astype(int), -1)[:, 1:].sum((1, 2)))
  found = np.bincount(drawn[:, 1:] @ np.array([3, 1]), minlength=9) / num
  np.testing.assert_allclose(found, exact, atol=0.03)


def test_words_are_hidden_in_training_alone():
  decoding = entry_by_entry(X, word_dropout=0.25)
  values = jnp.tile(SENTENCES, (200, 1))
  (read,) = decoding.reads(jax.random.key(0), values, True)
  hidden = read == LEVELS
  np.testing.assert_allclose(hidden.mean(), 0.25, atol=0.02)
  np.testing.assert_array_equal(jnp.where(hidden, values, read), values)
  for always in (decoding.reads(None, values, False), entry_by_entry(X).reads(None, values, True)):
    np.testing.assert_array_equal(always[0], values)
  (nothing,) = entry_by_entry(X, 1.0).reads(jax.random.key(0), values, True)
  assert (nothing == LEVELS).all()
  assert ALL_AT_ONCE.reads(None, values, True) == ()
  assert 'of which 0.25 are hidden in training' in _model(word_dropout=0.25).objective


def test_bad_decodings_are_refused():
  with pytest.raises(ValueError, match='at least 2 levels'):
    entry_by_entry(Field('vector', (3,), 0))
  with pytest.raises(ValueError, match='between 0 and 1, not 1.5'):
    entry_by_entry(X, 1.5)
