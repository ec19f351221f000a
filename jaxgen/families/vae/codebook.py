"""Latents that are codes: the posterior of a vector-quantized autoencoder."""

import jax.numpy as jnp
from flax import linen as nn

from jaxgen.families.networks import Part
from jaxgen.families.vae.codebook_health import disuse
from jaxgen.families.vae.posterior import Drawn, Posterior
from jaxgen.types import Field


def codebook(quantizer: nn.Module, num_codes: int, shape: tuple[int, ...], dim: int) -> Posterior:
  """The nearest codes of the encoder's vectors (van den Oord et al., "Neural discrete representation learning", 2017,
  equations 1 and 2). Latents are i32[B, *shape], their z f32[B, *shape, dim].

  There is no KL term: with uniform codes it is the constant `log K` a code. In its place stands `commitment`. The
  metrics `perplexity` and `dead_codes`, a share, are of the codes of a training step; see
  `jaxgen.nn.vector_quantizer.Quantized`.

  Args:
    quantizer: `jaxgen.nn.vector_quantizer.VectorQuantizer`, or what has its two methods; its variables are in
      `extra['quantizer']`.
    num_codes: K, the size of the codebook.
    shape: of the codes of one example.
    dim: of a vector.
  """

  def draw(apply, params, extra, rng, outputs, *, prior, train):
    del prior
    found, extra = apply('quantizer', params, extra, outputs, train=train, rng=rng)
    metrics = {'perplexity': found.perplexity, 'dead_codes': found.dead}
    return Drawn(found.z, found.commitment, metrics=metrics), extra

  def center(apply, params, extra, outputs):
    return apply('quantizer', params, extra, outputs, train=False)[0].codes

  def embed(apply, params, extra, latents):
    return apply('quantizer', params, extra, latents, train=False, method='embed')[0]

  return Posterior(
    draw,
    center,
    embed,
    blank=lambda num: jnp.zeros((num, *shape, dim)),
    term='commitment',
    has_density=False,
    codes=Field('tokens', shape, num_codes),
    health=lambda train, held_out: disuse(train, {'': num_codes}),
    parts={'quantizer': Part(quantizer, lambda: (jnp.zeros((1, *shape, dim)),))},
  )
