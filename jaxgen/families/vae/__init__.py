"""Variational autoencoders: a family function and its slots, one file each."""

from jaxgen.families.vae.family import vae
from jaxgen.families.vae.likelihood import LIKELIHOODS, Likelihood
from jaxgen.families.vae.objective import Objective, Terms, elbo
from jaxgen.families.vae.posterior import Drawn, Posterior, diagonal_gaussian
from jaxgen.families.vae.prior import Prior, standard_normal

__all__ = [
  'LIKELIHOODS',
  'Drawn',
  'Likelihood',
  'Objective',
  'Posterior',
  'Prior',
  'Terms',
  'diagonal_gaussian',
  'elbo',
  'standard_normal',
  'vae',
]
