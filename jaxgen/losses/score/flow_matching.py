"""Flow matching: fit a velocity from data to noise, straight between each example and its noise."""

from collections.abc import Callable

import jax

from jaxgen.losses._checks import check_batched, check_per_example, check_same_shape
from jaxgen.losses.score._sums import half_square, spread


def flow_matching(
  velocity_fn: Callable[[jax.Array, jax.Array], jax.Array], x: jax.Array, noise: jax.Array, t: jax.Array
) -> jax.Array:
  """Conditional flow matching along straight lines, `||v(x_t, t) - (e - x)||^2 / 2` at `x_t = (1 - t) x + t e`.

  Lipman et al., "Flow matching for generative modeling" (2023), equation 23 with their sigma_min 0; Liu et al., "Flow
  straight and fast" (2023), equation 1. Both have noise at time 0 and data at time 1: their velocity at 1 - t is -v.
  Its minimizer is the mean of `e - x` given x_t, whose flow carries the one marginal to the other whatever the joint
  distribution of x and e (Tong et al., "Improving and generalizing flow-based generative models with minibatch optimal
  transport", 2024, section 3; their time too is 1 - t). So examples and noise may be independent, or paired over a
  minibatch by optimal transport, as `jaxgen.families.score.couplings` does.

  In the frame of relative noise, `sigma = t / (1 - t)`, a score s makes the velocity `(-sigma s - x_t) / (1 - t)`: its
  loss is `(1 + sigma)^2` times that of `jaxgen.losses.score.denoising_error`.

  Args:
    velocity_fn: `(x_t f32[B, ...], t f32[B]) -> f32[B, ...]`.
    x: f32[B, ...], clean data.
    noise: f32[B, ...], e, each a standard normal.
    t: f32[B], in [0, 1]; 0 is data and 1 is noise.

  Returns:
    f32[B].

  Raises:
    ValueError: if the noise or the velocity has not the shape of `x`, or `t` is not one number per example.
  """
  check_same_shape(x=x, noise=noise)
  check_batched(x=x, t=t)
  check_per_example(t=t)
  share = spread(t, x)
  velocity = velocity_fn((1 - share) * x + share * noise, t)
  check_same_shape(x=x, velocity=velocity)
  return half_square(velocity - (noise - x))
