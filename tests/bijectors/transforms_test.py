import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.bijectors import transforms

TABLE = {
  'additive': transforms.additive(),
  'sigmoid': transforms.affine(transforms.sigmoid_log_scale),
  'floored': transforms.affine(transforms.floored_sigmoid_log_scale(0.1)),
  'bounded': transforms.affine(transforms.bounded_log_scale(3.0)),
  'location_scale': transforms.location_scale(transforms.bounded_log_scale(3.0)),
  'spline': transforms.rational_quadratic(bins=5),
  'spline_of_one_bin': transforms.rational_quadratic(bins=1),
  'relative_spline': transforms.rational_quadratic(bins=5, relative=True),
}


@pytest.mark.parametrize('name', TABLE)
def test_log_derivative_is_that_of_autodiff_in_both_directions(name):
  forward, inverse, num_params, *_ = TABLE[name]
  rng = jax.random.key(0)
  x, params = jax.random.normal(rng, (6, 3)), jax.random.normal(rng, (6, 3 * num_params))
  for apply, value in ((forward, x), (inverse, forward(x, params)[0])):
    slope = jax.grad(lambda v, apply=apply: apply(v, params)[0].sum())(value)
    np.testing.assert_allclose(apply(value, params)[1], jnp.log(slope), atol=1e-5)
  np.testing.assert_allclose(inverse(forward(x, params)[0], params)[0], x, atol=1e-5)


def test_hand_computed_scales():
  np.testing.assert_allclose(jnp.exp(transforms.sigmoid_log_scale(0.0)), 0.880797, rtol=1e-5)
  np.testing.assert_allclose(transforms.bounded_log_scale(2.0)(1e9), 2.0)
  np.testing.assert_allclose(transforms.bounded_log_scale(2.0)(1e-3), 1e-3, rtol=1e-5)


def test_a_floored_scale_stays_above_its_floor_and_has_a_gradient_everywhere():
  s = jnp.array([-1e4, -20.0, 0.0, 1e4])
  log_scale = transforms.floored_sigmoid_log_scale(0.25)
  np.testing.assert_allclose(jnp.exp(log_scale(s)), [0.25, 0.25, 0.25 + 0.75 * 0.880797, 1.0], rtol=1e-5)
  for least in (0.0, 0.25):
    slope = jax.vmap(jax.grad(transforms.floored_sigmoid_log_scale(least)))(s)
    assert np.isfinite(slope).all() and (slope >= 0).all()
  np.testing.assert_allclose(
    transforms.floored_sigmoid_log_scale(0.0)(s), transforms.sigmoid_log_scale(s), rtol=1e-6
  )
  with pytest.raises(ValueError, match='least scale must be in'):
    transforms.floored_sigmoid_log_scale(1.0)


def test_shift_comes_before_scale_in_the_parameters():
  z, _ = TABLE['bounded'].forward(jnp.array([[1.0, 2.0]]), jnp.array([[10.0, 20.0, 0.0, 0.0]]))
  np.testing.assert_allclose(z, [[11, 22]])


def test_a_location_is_not_scaled():
  params = jnp.array([[10.0, 20.0, 1e9, -1e9]])
  z, log_derivative = TABLE['location_scale'].forward(jnp.array([[1.0, 2.0]]), params)
  np.testing.assert_allclose(z, [[10 + np.exp(3), 20 + 2 * np.exp(-3)]], rtol=1e-6)
  np.testing.assert_allclose(log_derivative, [[3, -3]])


def drawn(transform, num=400, bound=2.0, scale=1.0, dtype=jnp.float32):
  """Values within the box and somewhat beyond, and parameters."""
  rng = np.random.default_rng(1)
  params = scale * rng.standard_normal((num, transform.num_params))
  return jnp.asarray(rng.uniform(-1.2 * bound, 1.2 * bound, (num, 1)), dtype), jnp.asarray(params, dtype)


def test_a_spline_is_that_of_the_paper():
  """Equation 4 as it stands there, an element at a time, in NumPy's float64."""
  bins, bound, least = 4, 2.0, 1e-2
  spline = transforms.rational_quadratic(bins, bound, least, least, least)
  x, params = drawn(spline)

  def knots(logits):
    sizes = least + (1 - bins * least) * np.exp(logits) / np.exp(logits).sum()
    return bound * (2 * np.concatenate([[0], np.cumsum(sizes)]) - 1)

  def value(x, params):
    xs, ys = knots(params[:bins]), knots(params[bins : 2 * bins])
    shifted = params[2 * bins :] + np.log(np.expm1(1 - least))
    slopes = np.concatenate([[1], least + np.log1p(np.exp(shifted)), [1]])
    k = np.searchsorted(xs, x) - 1
    width, height = xs[k + 1] - xs[k], ys[k + 1] - ys[k]
    s, t = height / width, (x - xs[k]) / width
    above = height * (s * t**2 + slopes[k] * t * (1 - t))
    return ys[k] + above / (s + (slopes[k + 1] + slopes[k] - 2 * s) * t * (1 - t))

  z = spline.forward(x, params)[0]
  rows = zip(np.asarray(x, np.float64)[:, 0], np.asarray(params, np.float64), strict=True)
  expected = [x if abs(x) >= bound else value(x, params) for x, params in rows]
  np.testing.assert_allclose(z[:, 0], expected, atol=1e-5)


def test_a_relative_spline_is_level_on_a_narrow_cell_by_small_params():
  """All but a hundredth of the mass in the first 256th of the box: slopes of 253 and of 0.01."""
  bins, bound, width, height = 2, 0.5, 1 / 256, 0.99
  spline = transforms.rational_quadratic(bins, bound, 1e-9, 1e-9, relative=True)
  left, right = height / width, (1 - height) / (1 - width)
  multiple = 10 * np.arctanh(np.log(left / np.sqrt(left * right)) / 10)
  params = np.array([np.log(width / (1 - width)), 0, np.log(height / (1 - height)), 0, 0, multiple, 0])
  assert np.abs(params).max() < 6
  x = jnp.linspace(0.001, 0.999, 50)[:, None] * width - bound
  z, log_derivative = spline.forward(x, jnp.asarray(np.tile(params, (50, 1)), jnp.float32))
  np.testing.assert_allclose(log_derivative, np.log(left), atol=1e-3)
  np.testing.assert_allclose(z, (x + bound) * left - bound, atol=1e-4)


def test_a_relative_spline_takes_the_ends_of_its_box_and_does_not_leave_it():
  """A last bin that is wide, tall and flat at its end: rounding once carried a value beyond the box."""
  spline = jax.jit(transforms.rational_quadratic(16, 4.0, relative=True).forward)
  rng = np.random.default_rng(0)
  params = rng.standard_normal((200_000, 49)).astype(np.float32)
  params[:, 15], params[:, 31], params[:, 48] = 3, 6, -8
  x = (8 * (255 + rng.random((200_000, 1))) / 256 - 4).astype(np.float32)
  z, log_derivative = spline(x, params)
  assert jnp.abs(z).max() <= 4 and jnp.isfinite(log_derivative).all()
  ends, inside = (spline(jnp.full((9, 1), end), params[:9])[1] for end in (-4.0, np.float32(-4 + 2**-21)))
  np.testing.assert_allclose(ends, inside, atol=1e-2)


@pytest.mark.parametrize('relative', [False, True])
@pytest.mark.parametrize('scale', [1.0, 5.0])
def test_a_spline_inverts_in_float64_to_many_digits(scale, relative):
  with jax.enable_x64(True):
    spline = transforms.rational_quadratic(relative=relative)
    x, params = drawn(spline, bound=3.0, scale=scale, dtype=jnp.float64)
    z, log_derivative = spline.forward(x, params)
    again, back = spline.inverse(z, params)
    assert z.dtype == log_derivative.dtype == again.dtype == jnp.float64
    np.testing.assert_allclose(again, x, atol=1e-10)
    np.testing.assert_allclose(back, -log_derivative, atol=1e-10)


@pytest.mark.parametrize('relative', [False, True])
def test_a_spline_of_zeros_and_one_beyond_its_box_is_the_identity(relative):
  spline = transforms.rational_quadratic(relative=relative)
  x = jnp.concatenate([jnp.linspace(-3, 3, 101), jnp.array([-1e30, -7.0, 3.5, 1e30, jnp.inf])])[:, None]
  for params in (jnp.zeros((len(x), spline.num_params)), jnp.full((len(x), spline.num_params), 4.0)):
    for apply in (spline.forward, spline.inverse):
      z, log_derivative = apply(x, params)
      some = slice(None) if not params.any() else slice(-5, None)
      np.testing.assert_allclose(z[some], x[some], atol=1e-6)
      np.testing.assert_allclose(log_derivative[some], 0, atol=1e-6)


@pytest.mark.parametrize('relative', [False, True])
@pytest.mark.parametrize('scale', [0.0, 1.0, 30.0, 1e4])
def test_a_spline_has_finite_gradients_wherever_it_is(scale, relative):
  spline = transforms.rational_quadratic(relative=relative)
  x, params = drawn(spline, bound=3.0, scale=scale)
  x = x.at[:6, 0].set(jnp.array([-3.0, 3.0, -1e20, 1e20, 0.0, -0.75]))  # the last: a knot where scale is 0

  def total(x, params, apply):
    return sum(part.sum() for part in apply(x, params))

  for apply in (spline.forward, spline.inverse):
    values = apply(x, params)
    grads = jax.grad(total, (0, 1))(x, params, apply)
    assert all(bool(jnp.isfinite(leaf).all()) for leaf in (*values, *grads))


def test_the_root_of_a_spline_does_not_cancel():
  """A derivative of 2,000 at the upper end of a bin: `-b - root` of the paper is wrong by 2e-4 there."""
  spline = transforms.rational_quadratic(bins=2)
  params = jnp.zeros((50, spline.num_params)).at[:, -1].set(2000.0)
  x = jnp.linspace(-0.5, -1e-3, 50)[:, None]
  again = spline.inverse(spline.forward(x, params)[0], params)[0]
  np.testing.assert_allclose(again, x, atol=2e-5)


@pytest.mark.parametrize(
  ('settings', 'message'),
  [
    (dict(bins=0), 'at least 1 bin'),
    (dict(bound=0.0), 'a bound above 0'),
    (dict(bins=1000), '1000 bins of min_width=0.001 do not fit'),
    (dict(min_height=0.2), '8 bins of min_height=0.2 do not fit'),
    (dict(min_derivative=1.0), 'min_derivative=1.0 must be'),
  ],
)
def test_a_spline_that_cannot_be_is_refused(settings, message):
  with pytest.raises(ValueError, match=message):
    transforms.rational_quadratic(**settings)
