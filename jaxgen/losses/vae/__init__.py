"""The terms of a variational autoencoder's objective: arrays in, one number per example out, in nats.

Reconstruction, a `*_nll` of `jaxgen.losses.likelihood`, plus KL divergence is a bound on `-log p(x)`. All sums run over
every axis but the first. What a distribution is of comes first; its parameters, arrays of the same shape, are given by
name. Whatever finite numbers a network puts out, values and gradients are finite; see `jaxgen.losses._finite`.
"""

from jaxgen.losses.likelihood import bernoulli_nll, discretized_logistic_nll, gaussian_nll, laplace_nll
from jaxgen.losses.vae.bounds import (
  doubly_reparameterized,
  dreg_draw,
  dreg_zeros,
  free_bits,
  importance_weighted_bound,
  kl_warmup,
  monte_carlo_kl,
  negative_elbo,
)
from jaxgen.losses.vae.discrepancy import (
  KERNELS,
  Kernel,
  gaussian_kernel,
  infovae,
  inverse_multiquadratic_kernel,
  squared_mmd,
  unbiased_squared_mmd,
)
from jaxgen.losses.vae.gaussian import fold_in, kl_normal, kl_standard_normal, log_normal, reparameterize

__all__ = [
  'KERNELS',
  'Kernel',
  'bernoulli_nll',
  'discretized_logistic_nll',
  'doubly_reparameterized',
  'dreg_draw',
  'dreg_zeros',
  'fold_in',
  'free_bits',
  'gaussian_kernel',
  'gaussian_nll',
  'importance_weighted_bound',
  'infovae',
  'inverse_multiquadratic_kernel',
  'kl_normal',
  'kl_standard_normal',
  'kl_warmup',
  'laplace_nll',
  'log_normal',
  'monte_carlo_kl',
  'negative_elbo',
  'reparameterize',
  'squared_mmd',
  'unbiased_squared_mmd',
]
