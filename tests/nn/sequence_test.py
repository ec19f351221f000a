import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.nn.sequence import CausalLayer, TiedEmbedding, rotated


def test_a_pair_is_turned_by_its_position_in_radians():
  x = jnp.array([1.0, 0.0]).reshape(1, 1, 1, 2)
  for position in (0, 1, 2, -3):
    found = rotated(x, jnp.array([position]))[0, 0, 0]
    np.testing.assert_allclose(found, [np.cos(position), np.sin(position)], atol=1e-6)
  slow = rotated(jnp.array([0.0, 1.0, 0.0, 0.0]).reshape(1, 1, 1, 4), jnp.array([5]))[0, 0, 0]
  np.testing.assert_allclose(slow, [0, np.cos(0.05), 0, np.sin(0.05)], atol=1e-6)  # 5 / sqrt(10,000)


def test_attention_sees_distances_and_lengths_stay():
  query, keys = jax.random.normal(jax.random.key(0), (2, 1, 4, 2, 6))
  positions = jnp.array([3, 0, 17, 8])

  def scores(shift):
    turned = [rotated(x, positions + shift) for x in (query, keys)]
    return jnp.einsum('bqhd,bkhd->bhqk', *turned)

  np.testing.assert_allclose(scores(0), scores(1000), atol=1e-3)
  assert np.abs(scores(0) - jnp.einsum('bqhd,bkhd->bhqk', query, keys)).max() > 0.1
  np.testing.assert_allclose(
    jnp.linalg.norm(rotated(query, positions), axis=-1), jnp.linalg.norm(query, axis=-1), rtol=1e-5
  )


def test_an_odd_number_is_no_pairs():
  with pytest.raises(ValueError, match='3 are no pairs'):
    rotated(jnp.zeros((1, 1, 1, 3)), jnp.zeros(1, jnp.int32))


def test_a_layer_by_hand():
  """Softmax attention over the last two positions, in float64, then the perceptron."""
  layer = CausalLayer(4, 2, 0.0, window=2)
  h = jax.random.normal(jax.random.key(0), (1, 3, 4))
  variables = layer.init(jax.random.key(1), h, False)
  params = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), variables['params'])

  def normalized(x):
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-6)

  x = np.asarray(h[0], np.float64)
  query, keys, values = (normalized(x) @ params['qkv']['kernel']).reshape(3, 3, 2, 2).swapaxes(0, 1)
  attended = np.zeros((3, 2, 2))
  for position in range(3):
    seen = slice(max(0, position - 1), position + 1)
    for head in range(2):
      mass = np.exp(keys[seen, head] @ query[position, head] / np.sqrt(2))
      attended[position, head] = mass / mass.sum() @ values[seen, head]
  x = x + attended.reshape(3, 4) @ params['out']['kernel']
  inner = normalized(x) @ params['inner']['kernel']
  gelu = inner / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (inner + 0.044715 * inner**3)))
  expected = x + gelu @ params['outer']['kernel']
  np.testing.assert_allclose(layer.apply(variables, h, False)[0], expected, atol=1e-5)


def test_one_table_reads_and_predicts():
  embedding = TiedEmbedding(levels=5, width=4)
  x = jnp.array([[3, 0, 4]])
  variables = embedding.init(jax.random.key(0), x, method='before')
  table = variables['params']['table']['embedding']
  assert table.shape == (6, 4)
  before = embedding.apply(variables, x, method='before')
  np.testing.assert_allclose(before[0], 2 * table[jnp.array([5, 3, 0])], rtol=1e-6)
  logits = embedding.apply(variables, before, method='logits')
  np.testing.assert_allclose(logits[0], before[0] @ table[:5].T, rtol=1e-4, atol=1e-6)
