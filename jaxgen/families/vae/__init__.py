"""Variational autoencoders: a family function and its slots, one file each."""

from jaxgen.families.vae.codebook import codebook
from jaxgen.families.vae.family import vae
from jaxgen.families.vae.likelihood import LIKELIHOODS, Likelihood
from jaxgen.families.vae.mixed_likelihood import mixed
from jaxgen.families.vae.objective import Objective, Terms, commitment, elbo
from jaxgen.families.vae.posterior import Drawn, Posterior, diagonal_gaussian, flow_posterior
from jaxgen.families.vae.prior import Prior, flow_prior, standard_normal, uniform_codes

__all__ = [
  'LIKELIHOODS',
  'Drawn',
  'Likelihood',
  'Objective',
  'Posterior',
  'Prior',
  'Terms',
  'codebook',
  'commitment',
  'diagonal_gaussian',
  'elbo',
  'flow_posterior',
  'flow_prior',
  'mixed',
  'standard_normal',
  'uniform_codes',
  'vae',
]
