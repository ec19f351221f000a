"""Probability density distillation: the loss of a student, a flow upon logistic noise, whom an autoregressive model
teaches (van den Oord et al., "Parallel WaveNet: fast high-fidelity speech synthesis", 2017).

Given the noise before it, an entry of the student's example is logistic with some mean and scale; given the entries
before it, one of the teacher's is a mixture of logistics. Both are densities over real numbers.
`KL(P_S || P_T) = H(P_S, P_T) - H(P_S)`, in nats: `cross_entropy` less `logistic_entropy`.
"""

import math

import jax
import jax.numpy as jnp

from jaxgen.losses._checks import check_per_example, check_rank, check_same_shape
from jaxgen.losses._finite import exp, in_float32, sum_over_event
from jaxgen.losses.logistic_mixture import LogisticMixture


def logistic_entropy(log_scales: jax.Array) -> jax.Array:
  """H(P_S) = sum_t (log s_t + 2), the entropy of independent logistics (section 4, where it is E sum log s + 2 T).

  Of a student the scales depend on the noise: then it is an unbiased estimate from one draw of that.

  Args:
    log_scales: f32[B, T].

  Returns:
    f32[B], nats.

  Raises:
    ValueError: if `log_scales` is not of rank 2.
  """
  check_rank(2, log_scales=log_scales)
  return sum_over_event(in_float32(log_scales)[0] + 2.0)


def logistic_draws(noise: jax.Array, *, means: jax.Array, log_scales: jax.Array) -> jax.Array:
  """N draws of each entry given what is before it: `mean_t + s_t e_tn`.

  Args:
    noise: f32[B, T, N], standard logistic.
    means: f32[B, T].
    log_scales: f32[B, T].

  Returns:
    f32[B, T, N].

  Raises:
    ValueError: if the shapes do not fit.
  """
  check_rank(3, noise=noise)
  check_same_shape(means=means, log_scales=log_scales, noise=noise[..., 0])
  means, log_scales, noise = in_float32(means, log_scales, noise)
  return means[..., None] + exp(log_scales)[..., None] * noise


def mixture_log_density(x: jax.Array, mixture: LogisticMixture) -> jax.Array:
  """log sum_k w_k logistic(x; mean_k, s_k), of continuous x: the limit of narrow bins of a discretized mixture.

  Args:
    x: f32[...].
    mixture: f32[..., K], with means and scales in the units of x; all but its last axis broadcast against x.

  Returns:
    f32[...], nats.
  """
  logits, means, log_scales, x = in_float32(*mixture, x)
  standard = (x[..., None] - means) * exp(-log_scales)
  of_each = jax.nn.log_sigmoid(standard) + jax.nn.log_sigmoid(-standard) - log_scales
  return jax.nn.logsumexp(jax.nn.log_softmax(logits) + of_each, axis=-1)


def cross_entropy(draws: jax.Array, mixture: LogisticMixture) -> jax.Array:
  """H(P_S, P_T) = sum_t E[-log p_T(x_t | x_<t)], with the mean over N draws of x_t for each x_<t (section 4).

  The teacher sees one example x of the student, and gives its mixtures at all t at once. The draws of x_t are others
  than its own entry: they cost no pass of the teacher, and the estimate, unbiased for any N, varies less.

  Args:
    draws: f32[B, T, N], of the student given the noise that made x_<t.
    mixture: f32[B, T, K], of the teacher given x_<t, in the units of the draws.

  Returns:
    f32[B], nats.

  Raises:
    ValueError: if the shapes do not fit.
  """
  check_rank(3, draws=draws)
  check_same_shape(logits=mixture.logits, means=mixture.means, log_scales=mixture.log_scales)
  check_rank(3, means=mixture.means)
  check_same_shape(draws=draws[..., 0], mixture=mixture.means[..., 0])
  of_each = LogisticMixture(*(part[..., None, :] for part in mixture))
  return -sum_over_event(mixture_log_density(draws, of_each).mean(-1))


def contrastive(kl: jax.Array, other_kl: jax.Array, gamma: float) -> jax.Array:
  """KL(P_S(c) || P_T(c)) - gamma KL(P_S(c) || P_T(c')), with other conditions c' (section 4.1; gamma is 0.3 there).

  Args:
    kl: f32[B], nats.
    other_kl: f32[B], of the same examples to the teacher under other conditions.
    gamma: in [0, 1).

  Returns:
    f32[B], nats.

  Raises:
    ValueError: if they are not one number per example each, or `gamma` is out of its range.
  """
  check_per_example(kl=kl, other_kl=other_kl)
  if not 0 <= gamma < 1:
    raise ValueError(
      f'gamma must be in [0, 1), not {gamma}: at 1 any example is as good that no teacher makes.'
    )
  return kl - gamma * other_kl


def power_spectrum(x: jax.Array, *, frame: int, hop: int) -> jax.Array:
  """The mean over time of `|STFT(x)|^2`, through a Hann window whose entries sum to 1.

  So a sine of amplitude a has a^2 / 4 at its frequency, whatever the frame.

  Args:
    x: f32[B, T].
    frame: entries that one transform sees, in [2, T].
    hop: entries between the beginnings of two frames, at least 1; what is left at the end is not seen.

  Returns:
    f32[B, frame // 2 + 1].

  Raises:
    ValueError: if `x` is not of rank 2 or shorter than a frame, or `frame` or `hop` is too small.
  """
  check_rank(2, x=x)
  if not 2 <= frame <= x.shape[1] or hop < 1:
    raise ValueError(f'frames of {frame} entries every {hop} do not fit examples of {x.shape[1]}.')
  window = 0.5 - 0.5 * jnp.cos(2 * math.pi * jnp.arange(frame) / frame)
  starts = jnp.arange(0, x.shape[1] - frame + 1, hop)
  frames = in_float32(x)[0][:, starts[:, None] + jnp.arange(frame)]  # [B, frames, frame]
  spectrum = jnp.fft.rfft(frames * (window / window.sum()))
  return (spectrum.real**2 + spectrum.imag**2).mean(1)  # whose gradient is 0 in silence; that of |.| is none


def power_loss(x: jax.Array, real: jax.Array, *, frame: int, hop: int) -> jax.Array:
  """||phi(x) - phi(real)||^2 with phi the mean power at each frequency (section 4.1): that a student does not whisper.

  Args:
    x: f32[B, T], the student's waveforms.
    real: f32[B, T], those of examples under the same conditions.
    frame: see `power_spectrum`.
    hop: see `power_spectrum`.

  Returns:
    f32[B], of the fourth power of amplitudes.

  Raises:
    ValueError: if the shapes differ, or frames do not fit them.
  """
  check_same_shape(x=x, real=real)
  difference = power_spectrum(x, frame=frame, hop=hop) - power_spectrum(real, frame=frame, hop=hop)
  return sum_over_event(jnp.square(difference))
