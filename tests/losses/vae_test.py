import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from jaxgen.losses import vae

LOG_2PI = np.log(2 * np.pi)
PAIRS = jnp.zeros((4, 2))


def test_reparameterize_has_the_given_moments():
  mean, log_var = jnp.full((20000, 1), 3.0), jnp.full((20000, 1), np.log(4.0))
  z = vae.reparameterize(jax.random.key(0), mean=mean, log_var=log_var)
  np.testing.assert_allclose([z.mean(), z.std()], [3.0, 2.0], atol=0.05)


def test_log_normal_by_hand():
  # N(1; 0, 1) and N(3; 1, 4): -(1 + log 2pi)/2 - (1 + log 4 + log 2pi)/2
  value = vae.log_normal(
    jnp.array([[1.0, 3.0]]), mean=jnp.array([[0.0, 1.0]]), log_var=jnp.log(jnp.array([[1.0, 4.0]]))
  )
  np.testing.assert_allclose(value, [-(1 + LOG_2PI) / 2 - (1 + np.log(4) + LOG_2PI) / 2], rtol=1e-6)


def test_kl_standard_normal_by_hand():
  # rows: the prior itself; mean 1, 2; variance e: (e - 1 - 1) / 2
  mean = jnp.array([[0.0, 0.0], [1.0, 2.0], [0.0, 0.0]])
  log_var = jnp.array([[0.0, 0.0], [0.0, 0.0], [1.0, 0.0]])
  np.testing.assert_allclose(
    vae.kl_standard_normal(mean=mean, log_var=log_var), [0.0, 2.5, (np.e - 2) / 2], rtol=1e-6
  )


def test_kl_normal_by_hand():
  # KL(N(1, 1) || N(0, 4)) = log 2 + (1 + 1) / 8 - 1/2
  value = vae.kl_normal(
    mean=jnp.array([[1.0]]),
    log_var=jnp.array([[0.0]]),
    prior_mean=jnp.array([[0.0]]),
    prior_log_var=jnp.array([[np.log(4.0)]]),
  )
  np.testing.assert_allclose(value, [np.log(2) + 0.25 - 0.5], rtol=1e-6)
  mean, log_var = jax.random.normal(jax.random.key(0), (2, 3, 4, 2))
  zeros = jnp.zeros_like(mean)
  np.testing.assert_allclose(
    vae.kl_normal(mean=mean, log_var=log_var, prior_mean=zeros, prior_log_var=zeros),
    vae.kl_standard_normal(mean=mean, log_var=log_var),
    rtol=1e-5,
  )


def test_bernoulli_nll_by_hand():
  # p = 1/2 costs log 2 a pixel whatever x is; p = 3/4 at x = 1 costs log 4/3
  logits, x = jnp.array([[0.0, 0.0], [0.0, np.log(3.0)]]), jnp.array([[0.3, 1.0], [0.0, 1.0]])
  np.testing.assert_allclose(
    vae.bernoulli_nll(x, logits=logits), [2 * np.log(2), np.log(2) + np.log(4 / 3)], rtol=1e-6
  )


def test_bernoulli_nll_stays_finite():
  value, grad = jax.value_and_grad(lambda l: vae.bernoulli_nll(jnp.array([[1.0, 0.0]]), logits=l).sum())(
    jnp.array([[-1e4, 1e4]])
  )
  np.testing.assert_allclose(value, 2e4)
  np.testing.assert_allclose(grad, [[-1.0, 1.0]])


def test_gaussian_nll_by_hand():
  # (x - mean) / sigma = 2 and 0 with sigma 0.5: 2 + 2 (log 0.5 + log(2 pi) / 2)
  value = vae.gaussian_nll(jnp.array([[2.0, 4.0]]), mean=jnp.array([[1.0, 4.0]]), sigma=0.5)
  np.testing.assert_allclose(value, [2 + 2 * (np.log(0.5) + LOG_2PI / 2)], rtol=1e-6)
  np.testing.assert_allclose(
    vae.gaussian_nll(jnp.array([[2.0, 4.0]]), mean=jnp.array([[1.0, 4.0]]), sigma=jnp.array([0.5, 1.0])),
    [2 + np.log(0.5) + LOG_2PI],
    rtol=1e-6,
  )


def test_laplace_nll_by_hand():
  # |x - mean| / b = 2 and 1 with b = 0.5, where log(2 b) = 0
  value = vae.laplace_nll(jnp.array([[2.0, 3.5]]), mean=jnp.array([[1.0, 4.0]]), scale=0.5)
  np.testing.assert_allclose(value, [3.0], rtol=1e-6)


def test_discretized_logistic_nll_by_hand():
  # 3 levels, mean at the middle level, s = one level: the middle bin is sigmoid(1/2) - sigmoid(-1/2)
  mean, log_scale = jnp.full((3, 1), 0.5), jnp.full((3, 1), np.log(0.5))
  half = 1 / (1 + np.exp(-0.5))
  value = vae.discretized_logistic_nll(jnp.array([[0], [1], [2]]), mean=mean, log_scale=log_scale, levels=3)
  np.testing.assert_allclose(value, -np.log([1 - half, 2 * half - 1, 1 - half]), rtol=1e-6)


@pytest.mark.parametrize('levels', [2, 17, 256])
@pytest.mark.parametrize(('mean', 'log_scale'), [(0.4, -2.0), (0.4, -7.0), (-3.0, 0.0), (1.2, 4.0)])
def test_discretized_logistic_masses_sum_to_one(levels, mean, log_scale):
  x = jnp.arange(levels)[:, None]
  nll = vae.discretized_logistic_nll(
    x, mean=jnp.full(x.shape, mean), log_scale=jnp.full(x.shape, log_scale), levels=levels
  )
  np.testing.assert_allclose(jnp.exp(-nll).sum(), 1.0, atol=1e-5)


def test_discretized_logistic_agrees_with_scipy_where_differences_of_sigmoids_do_not_cancel():
  x = np.arange(1, 16)
  logistic = stats.logistic(loc=0.3 * 16, scale=np.exp(-1.5) * 16)
  mass = logistic.cdf(x + 0.5) - logistic.cdf(x - 0.5)
  shape = (x.size, 1)
  nll = vae.discretized_logistic_nll(
    jnp.asarray(x)[:, None], mean=jnp.full(shape, 0.3), log_scale=jnp.full(shape, -1.5), levels=17
  )
  np.testing.assert_allclose(nll, -np.log(mass), rtol=1e-5)


def test_discretized_logistic_is_stable_far_from_its_mean():
  def loss(params):
    mean, log_scale = params
    x = jnp.array([[200, 0, 255]])
    return vae.discretized_logistic_nll(x, mean=mean, log_scale=log_scale, levels=256).sum()

  params = (jnp.array([[0.0, 1.0, 0.0]]), jnp.full((1, 3), -7.0))
  value, grads = jax.value_and_grad(loss)(params)
  # each pixel lies n bins away: n / s, to first order
  s = 255 * np.exp(-7.0)
  np.testing.assert_allclose(value, (199.5 + 254.5 + 254.5) / s, rtol=1e-3)
  assert all(np.isfinite(g).all() and (np.abs(g) > 1).all() for g in grads)


def test_negative_elbo_weights_its_terms():
  value = vae.negative_elbo(
    reconstruction=jnp.array([3.0, 1.0]), kl=jnp.array([2.0, 5.0]), reconstruction_weight=0.5, kl_weight=4.0
  )
  np.testing.assert_allclose(value, [9.5, 20.5])


def test_importance_weighted_bound_by_hand():
  log_weights = jnp.log(jnp.array([[1.0, 2.0], [3.0, 2.0]]))
  np.testing.assert_allclose(vae.importance_weighted_bound(log_weights), [np.log(2), np.log(2)], rtol=1e-6)
  np.testing.assert_allclose(vae.importance_weighted_bound(log_weights - 1e4), np.log(2) - 1e4, rtol=1e-6)


def test_kl_warmup_rises_and_stays():
  weight = jax.jit(vae.kl_warmup(4))
  np.testing.assert_allclose([weight(step) for step in (0, 1, 4, 9)], [0.0, 0.25, 1.0, 1.0])
  assert vae.kl_warmup(0)(0) == 1.0
  with pytest.raises(ValueError, match='negative'):
    vae.kl_warmup(-1)


@pytest.mark.parametrize(
  ('call', 'sentence'),
  [
    (lambda: vae.kl_standard_normal(mean=PAIRS, log_var=jnp.zeros(2)), 'log_var has shape'),
    (lambda: vae.log_normal(PAIRS, mean=PAIRS, log_var=PAIRS[:, :1]), 'log_var has shape'),
    (lambda: vae.reparameterize(jax.random.key(0), mean=PAIRS, log_var=PAIRS[:3]), 'log_var has shape'),
    (
      lambda: vae.kl_normal(mean=PAIRS, log_var=PAIRS, prior_mean=jnp.zeros(2), prior_log_var=PAIRS),
      'prior_mean has shape',
    ),
    (lambda: vae.bernoulli_nll(PAIRS, logits=jnp.zeros((4, 2, 1))), 'logits has shape'),
    (lambda: vae.gaussian_nll(jnp.zeros(4), mean=jnp.zeros((4, 1)), sigma=1.0), 'mean has shape'),
    (lambda: vae.laplace_nll(jnp.zeros(()), mean=jnp.zeros(()), scale=1.0), 'x is a single number'),
    (lambda: vae.gaussian_nll(PAIRS, mean=PAIRS, sigma=jnp.ones(4)), 'sigma has shape'),
    (lambda: vae.laplace_nll(PAIRS, mean=PAIRS, scale=jnp.ones((4, 2, 1))), 'scale has shape'),
    (
      lambda: vae.discretized_logistic_nll(PAIRS, mean=PAIRS, log_scale=jnp.zeros(2), levels=4),
      'log_scale has shape',
    ),
    (lambda: vae.negative_elbo(reconstruction=PAIRS, kl=jnp.zeros(4)), 'reconstruction must be of rank 1'),
    (lambda: vae.importance_weighted_bound(jnp.zeros(4)), 'log_weights must be of rank 2'),
  ],
)  # fmt: skip
def test_shapes_that_would_broadcast_are_refused_with_the_argument_that_is_wrong(call, sentence):
  with pytest.raises(ValueError, match=sentence):
    call()


@pytest.mark.parametrize(
  'exchangeable',
  [vae.kl_standard_normal, vae.bernoulli_nll, vae.negative_elbo, lambda *a: vae.gaussian_nll(*a, sigma=1.0)],
)
def test_arrays_of_one_shape_are_never_told_apart_by_their_order(exchangeable):
  with pytest.raises(TypeError, match='positional'):
    exchangeable(PAIRS, PAIRS)


def test_statistics_are_float32_under_bfloat16():
  mean = jnp.ones((2, 1000), jnp.bfloat16)
  value = vae.kl_standard_normal(mean=mean, log_var=jnp.zeros_like(mean))
  assert value.dtype == jnp.float32
  np.testing.assert_allclose(value, 500.0)


def _linear_encoder(weights, x):
  return jnp.split(x @ weights, 2, axis=-1)


def _loss(encode, decode, rng, x):
  mean, log_var = encode(x)
  z = vae.reparameterize(rng, mean=mean, log_var=log_var)
  reconstruction = vae.gaussian_nll(x, mean=decode(z), sigma=0.5)
  kl = vae.kl_standard_normal(mean=mean, log_var=log_var)
  return vae.negative_elbo(reconstruction=reconstruction, kl=kl).mean()


def test_trains_plain_functions():
  x = jax.random.normal(jax.random.key(0), (64, 1)) @ jnp.array([[1.0, -2.0, 0.5]])
  params = (jnp.full((3, 2), 0.1), jnp.full((1, 3), 0.1))

  @jax.jit
  def step(params, rng):
    def loss(p):
      return _loss(lambda x: _linear_encoder(p[0], x), lambda z: z @ p[1], rng, x)

    value, grads = jax.value_and_grad(loss)(params)
    return jax.tree.map(lambda p, g: p - 0.01 * g, params, grads), value

  values = []
  for index in range(200):
    params, value = step(params, jax.random.key(index))
    values.append(value)
  assert values[-1] < values[0] - 2


def test_trains_an_equinox_module():
  class Autoencoder(eqx.Module):
    encoder: eqx.nn.Linear
    decoder: eqx.nn.Linear

    def loss(self, rng, x):
      def encode(x):
        return jnp.split(jax.vmap(self.encoder)(x), 2, axis=-1)

      return _loss(encode, jax.vmap(self.decoder), rng, x)

  model = Autoencoder(eqx.nn.Linear(3, 2, key=jax.random.key(1)), eqx.nn.Linear(1, 3, key=jax.random.key(2)))
  x = jax.random.normal(jax.random.key(0), (64, 1)) @ jnp.array([[1.0, -2.0, 0.5]])

  @eqx.filter_jit
  def step(model, rng):
    value, grads = eqx.filter_value_and_grad(Autoencoder.loss)(model, rng, x)
    return eqx.apply_updates(model, jax.tree.map(lambda g: -0.01 * g, grads)), value

  values = []
  for index in range(200):
    model, value = step(model, jax.random.key(index))
    values.append(value)
  assert values[-1] < values[0] - 2
