"""Variational autoencoders: a family function and its slots, one file each."""

from jaxgen.families.vae.codebook import codebook, codebooks, uniform_levels
from jaxgen.families.vae.decoding import Decoding, entry_by_entry
from jaxgen.families.vae.family import vae
from jaxgen.families.vae.ladder import ladder
from jaxgen.families.vae.likelihood import LIKELIHOODS, Likelihood, categorical
from jaxgen.families.vae.mixed_likelihood import mixed
from jaxgen.families.vae.objective import Draws, Objective, Terms, commitment, elbo, infovae, iwae
from jaxgen.families.vae.posterior import Drawn, Posterior, diagonal_gaussian, flow_posterior
from jaxgen.families.vae.prior import (
  Prior,
  class_conditional,
  flow_prior,
  mixture,
  standard_normal,
  uniform_codes,
)

__all__ = [
  'LIKELIHOODS',
  'Decoding',
  'Drawn',
  'Draws',
  'Likelihood',
  'Objective',
  'Posterior',
  'Prior',
  'Terms',
  'categorical',
  'class_conditional',
  'codebook',
  'codebooks',
  'commitment',
  'diagonal_gaussian',
  'elbo',
  'entry_by_entry',
  'flow_posterior',
  'flow_prior',
  'infovae',
  'iwae',
  'ladder',
  'mixed',
  'mixture',
  'standard_normal',
  'uniform_codes',
  'uniform_levels',
  'vae',
]
