"""How the error of each solver falls with the number of its steps, and that some of them are the same."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.samplers import ddim, dpm_solver, edm, euler, heun, karras_levels, run, spaced_levels
from tests.samplers.densities import gaussian_score, mixture_score

STD, FIRST, LAST = 0.5, 10.0, 0.05


@pytest.mark.parametrize('solver, order', [(euler, 1), (ddim, 1), (heun, 2), (edm, 2), (dpm_solver, 2)])
def test_order_of_convergence_on_gaussian_data(solver, order):
  # The ODE scales x by the ratio of the standard deviations of the blurred data.
  exact = np.sqrt((STD**2 + LAST**2) / (STD**2 + FIRST**2)) * FIRST
  numbers, errors = [32, 64, 128, 256], []
  with jax.enable_x64(True):
    for num in numbers:
      levels = np.linspace(FIRST ** (1 / 7), LAST ** (1 / 7), num + 1) ** 7
      state, _ = run(solver(gaussian_score(STD), levels), jax.random.key(0), jnp.full((1, 1), FIRST), num)
      errors.append(abs(float(state.position[0, 0]) - exact))
  slope = -np.polyfit(np.log(numbers), np.log(errors), 1)[0]
  assert slope == pytest.approx(order, abs=0.1)


def test_ddim_is_eulers_method_and_so_is_eulers_step_of_a_rectified_flow_in_its_own_time():
  levels, x = np.array([9.0, 3.0, 1.0, 0.25]), jnp.array([[20.0, -3.0], [1.0, 8.0]])
  sampler = euler(mixture_score, levels)
  found = run(sampler, jax.random.key(0), x, 3)[0].position
  np.testing.assert_allclose(
    found, run(ddim(mixture_score, levels), jax.random.key(0), x, 3)[0].position, rtol=1e-5
  )
  # sigma = t / (1 - t), x_t = (1 - t) (x + sigma e) and dx_t / dt = e - x, as expected at x_t.
  times = levels / (1 + levels)
  flow = (1 - times[0]) * x
  for sigma, here, there in zip(levels, times, times[1:], strict=False):
    blurred = flow / (1 - here)
    score = mixture_score(blurred, jnp.full(2, sigma))
    velocity = -sigma * score - (blurred + sigma**2 * score)
    flow += (there - here) * velocity
  np.testing.assert_allclose(found, flow / (1 - times[-1]), rtol=1e-5)


def test_the_first_step_of_dpm_solver_is_eulers_and_the_second_looks_back():
  levels, x = np.array([4.0, 2.0, 1.0]), jnp.array([[3.0]])
  clean = lambda x, sigma: x * STD**2 / (STD**2 + sigma**2)  # noqa: E731
  state, _ = run(dpm_solver(gaussian_score(STD), levels), jax.random.key(0), x, 1)
  middle = 2 / 4 * 3.0 + (1 - 2 / 4) * clean(3.0, 4.0)
  np.testing.assert_allclose(state.position, middle, rtol=1e-6)
  # Equal ratios: r = 1.
  state, _ = run(dpm_solver(gaussian_score(STD), levels), jax.random.key(0), x, 2)
  target = 1.5 * clean(middle, 2.0) - 0.5 * clean(3.0, 4.0)
  np.testing.assert_allclose(state.position, 1 / 2 * middle + (1 - 1 / 2) * target, rtol=1e-6)


def test_levels():
  np.testing.assert_allclose(karras_levels(9.0, 1.0, 3, rho=2.0), [9, 4, 1, 0], rtol=1e-6)
  np.testing.assert_allclose(karras_levels(9.0, 1.0, 3, rho=2.0, zero=False), [9, 4, 1], rtol=1e-6)
  np.testing.assert_allclose(karras_levels(8.0, 2.0, 3, rho=1e6), [8, 4, 2, 0], rtol=1e-4)
  np.testing.assert_array_equal(karras_levels(9.0, 1.0, 1), [9, 0])
  np.testing.assert_array_equal(spaced_levels([9, 7, 5, 3, 1], 3), [9, 5, 1, 0])
  np.testing.assert_array_equal(spaced_levels([9, 7, 5, 3, 1], 5, zero=False), [9, 7, 5, 3, 1])
  with pytest.raises(ValueError, match='sigma_max'):
    karras_levels(1.0, 2.0, 5)
  with pytest.raises(ValueError, match='num_levels'):
    spaced_levels([2, 1], 3)


def test_dpm_solver_moved_back_to_a_higher_level_does_not_remember_a_lower_one():
  levels, x, rng = np.array([8.0, 4.0, 2.0, 1.0]), jnp.array([[3.0]]), jax.random.key(0)
  solver, first_order = dpm_solver(gaussian_score(STD), levels), euler(gaussian_score(STD), levels)
  state, _ = run(solver, rng, x, 3)
  again = solver.step(rng, state._replace(position=x, step=jnp.int32(1)))[0].position
  by_euler = first_order.step(rng, first_order.init(x)._replace(step=jnp.int32(1)))[0].position
  np.testing.assert_allclose(again, by_euler, rtol=1e-6)
