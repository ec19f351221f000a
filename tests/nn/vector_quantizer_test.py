import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.nn.vector_quantizer import VectorQuantizer

CENTERS = np.array([[3.0, 0.0], [-3.0, 0.0], [0.0, 3.0], [0.0, -3.0]])


def _with(codes, counts=None):
  counts = jnp.ones(len(codes)) if counts is None else jnp.asarray(counts, jnp.float32)
  return {'codebook': {'counts': counts, 'sums': counts[:, None] * jnp.asarray(codes, jnp.float32)}}


def _train(quantizer, variables, vectors, key=0):
  rngs = {'dropout': jax.random.key(key)}
  return quantizer.apply(variables, vectors, train=True, rngs=rngs, mutable=['codebook'])


def _embeddings(quantizer, variables):
  return np.asarray(quantizer.apply(variables, jnp.arange(quantizer.num_codes), method='embed'))


def test_vectors_become_their_nearest_codes():
  quantizer, variables = VectorQuantizer(4, 2), _with(CENTERS)
  vectors = jnp.array([[[2.0, 0.1], [0.2, -1.0]], [[-9.0, 1.0], [0.0, 2.9]]])
  found = quantizer.apply(variables, vectors, train=False)
  np.testing.assert_array_equal(found.codes, [[0, 3], [1, 2]])
  np.testing.assert_allclose(found.z, CENTERS[found.codes], atol=1e-6)
  np.testing.assert_allclose(found.commitment, [1 + 0.01 + 0.04 + 4, 36 + 1 + 0.01], rtol=1e-5)
  np.testing.assert_allclose(quantizer.apply(variables, found.codes, method='embed'), found.z, atol=1e-6)


@pytest.mark.parametrize(
  ('used', 'perplexity', 'dead'),
  [([0, 0, 0, 0], 1.0, 0.75), ([0, 1, 2, 3], 4.0, 0.0), ([0, 0, 1, 1], 2.0, 0.5)],
)
def test_the_perplexity_is_the_number_of_codes_in_use_and_the_others_are_dead(used, perplexity, dead):
  found = VectorQuantizer(4, 2).apply(_with(CENTERS), jnp.asarray(CENTERS[used]), train=False)
  np.testing.assert_allclose(found.perplexity, perplexity, rtol=1e-5)
  assert found.dead == dead


def test_a_code_is_dead_that_is_used_less_than_its_part_of_an_even_share():
  vectors = jnp.asarray(CENTERS[[0] * 30 + [1] * 26 + [2] * 7 + [3]])  # of 64, an even share is 16
  found = VectorQuantizer(4, 2, restart_below=0.25).apply(_with(CENTERS), vectors, train=False)
  assert found.dead == 0.25


def test_the_gradient_goes_straight_through_and_the_commitment_pulls_the_vectors():
  quantizer, variables = VectorQuantizer(4, 2), _with(CENTERS)
  vectors, slope = jnp.array([[2.0, 0.1], [-1.0, 0.5]]), jnp.array([[0.3, -2.0], [5.0, 1.0]])

  def through(vectors, variables):
    found = quantizer.apply(variables, vectors, train=False)
    return (slope * found.z).sum(), found.commitment.sum()

  straight = jax.grad(lambda *args: through(*args)[0], (0, 1))(vectors, variables)
  np.testing.assert_allclose(straight[0], slope)
  pull = jax.grad(lambda vectors: through(vectors, variables)[1])(vectors)
  np.testing.assert_allclose(pull, 2 * (vectors - CENTERS[:2]), rtol=1e-6)
  assert not any(
    np.any(leaf) for leaf in jax.tree.leaves(straight[1])
  )  # averaging moves the codes, nothing else


def test_a_code_moves_to_the_mean_of_its_vectors_by_the_decay():
  quantizer = VectorQuantizer(2, 2, decay=0.9)
  variables = _with([[3.0, 0.0], [-3.0, 0.0]], counts=[2.0, 4.0])
  vectors = jnp.array([[2.0, 1.0], [4.0, 3.0], [3.0, 2.0], [-1.0, 0.0]])
  _, moved = _train(quantizer, variables, vectors)
  np.testing.assert_allclose(moved['codebook']['counts'], [0.9 * 2 + 0.1 * 3, 0.9 * 4 + 0.1])
  np.testing.assert_allclose(
    _embeddings(quantizer, moved),
    [[(0.9 * 6 + 0.1 * 9) / 2.1, 0.1 * 6 / 2.1], [(0.9 * -12 - 0.1) / 3.7, 0.0]],
    rtol=1e-5,
  )


def test_dead_codes_are_put_on_vectors_of_the_batch():
  quantizer = VectorQuantizer(4, 2)
  variables = _with(100 + CENTERS, counts=[1.0, 1.0, 1e-3, 0.0])
  _, moved = _train(quantizer, variables, jnp.tile(jnp.array([[7.0, -7.0]]), (5, 1)))
  codes = _embeddings(quantizer, moved)
  np.testing.assert_allclose(codes[:2], 100 + CENTERS[:2])
  np.testing.assert_allclose(codes[2:], [[7, -7]] * 2, rtol=1e-5)


@pytest.mark.parametrize('key', range(3))
def test_the_codebook_finds_clusters(key):
  quantizer = VectorQuantizer(16, 2, decay=0.9)
  variables = quantizer.init(jax.random.key(0), jnp.zeros((1, 2)), train=False)

  def step(variables, rng):
    chosen, noise = jax.random.split(rng)
    x = jnp.asarray(CENTERS, jnp.float32)[jax.random.randint(chosen, (64,), 0, 4)]
    x = x + 0.2 * jax.random.normal(noise, x.shape)
    found, variables = quantizer.apply(variables, x, True, rngs={'dropout': rng}, mutable=['codebook'])
    return variables, (found.perplexity, found.commitment)

  train = jax.jit(lambda variables, rngs: jax.lax.scan(step, variables, rngs))
  variables, (perplexity, commitment) = train(variables, jax.random.split(jax.random.key(key), 300))
  distances = np.linalg.norm(_embeddings(quantizer, variables)[:, None] - CENTERS[None], axis=-1)
  assert distances.min(0).max() < 0.3  # every cluster has a code
  assert distances.min(1).max() < 0.9  # and every code has a cluster
  assert perplexity[-50:].mean() > 8
  assert commitment[-50:].mean() < 2 * 0.2**2  # less than the variance within a cluster


def test_devices_share_one_codebook_that_is_the_whole_batchs():
  """Four devices of three vectors each average as one of twelve; a restarted code is a vector of one of them."""
  shared, alone = (VectorQuantizer(3, 2, axis_name=axis) for axis in ('data', None))
  still = VectorQuantizer(3, 2, decay=1.0, axis_name='data')
  vectors = jax.random.normal(jax.random.key(0), (4, 3, 2))
  codes = [[0.5, 0.0], [-0.5, 0.0], [0.0, 1.0]]
  keys = jax.random.split(jax.random.key(1), 4)

  def train(quantizer, *args):
    def one(variables, vectors, key):
      return quantizer.apply(variables, vectors, True, rngs={'dropout': key}, mutable=['codebook'])

    return jax.vmap(one, in_axes=(None, 0, 0), axis_name='data')(*args)

  found, moved = train(shared, _with(codes), vectors, keys)
  whole, expected = _train(alone, _with(codes), vectors.reshape(12, 2))
  for leaf, other in zip(jax.tree.leaves(moved), jax.tree.leaves(expected), strict=True):
    np.testing.assert_allclose(leaf, np.stack([other] * 4), rtol=1e-5)
  np.testing.assert_allclose(found.perplexity, whole.perplexity, rtol=1e-5)
  np.testing.assert_allclose(found.dead, whole.dead)
  _, fresh = train(still, _with(codes, counts=[0.0, 0.0, 0.0]), 10 * vectors, keys)
  sums, counts = fresh['codebook']['sums'], fresh['codebook']['counts']
  np.testing.assert_array_equal(sums, np.stack([sums[0]] * 4))
  fresh = (sums / counts[..., None])[0]
  apart = np.abs(fresh[:, None] - 10 * vectors.reshape(12, 2)).max(-1)
  assert (apart.min(1) < 1e-4).all()


def test_evaluation_leaves_the_codebook():
  quantizer, variables = VectorQuantizer(4, 2), _with(CENTERS, counts=[1.0, 1.0, 1.0, 0.0])
  _, same = quantizer.apply(variables, jnp.ones((3, 2)), train=False, mutable=['codebook'])
  jax.tree.map(np.testing.assert_array_equal, same, variables)
