"""Latents that are codes: the posteriors of vector-quantized autoencoders, of one level of codes and of several."""

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgen.families.networks import Part
from jaxgen.families.vae.codebook_health import disuse
from jaxgen.families.vae.posterior import Drawn, Posterior
from jaxgen.families.vae.prior import Prior, uniform_codes
from jaxgen.types import DataSpec, Field


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
    health=lambda train, held_out, seen: disuse(train, {'': num_codes}),
    parts={'quantizer': Part(quantizer, lambda: (jnp.zeros((1, *shape, dim)),))},
  )


def codebooks(codes: DataSpec, dim: int) -> Posterior:
  """Levels of codes, each found given those above it (Razavi et al., "Generating diverse high-fidelity images with
  VQ-VAE-2", 2019, algorithm 1). Latents are `{level: i32[B, *shape]}`, their z `{level: f32[B, *shape, dim]}`.

  The encoder has the codebooks, for it needs the codes of a level to find those of the next: its outputs are a
  `jaxgen.nn.vector_quantizer.Quantized` for each level, and its method `embed` gives the vectors of latents. The
  commitment is the sum over the levels; each has its `perplexity` and `dead_codes`, see `codebook`.

  Args:
    codes: the field of each level, in the order in which they are found.
    dim: of a vector.
  """

  def draw(apply, params, extra, rng, outputs, *, prior, train):
    del apply, params, rng, prior, train
    metrics = {}
    for level, found in outputs.items():
      metrics |= {f'{level}_perplexity': found.perplexity, f'{level}_dead_codes': found.dead}
    z = {level: found.z for level, found in outputs.items()}
    commitment = jnp.stack([found.commitment for found in outputs.values()]).sum(0)
    return Drawn(z, commitment, metrics=metrics), extra

  def center(apply, params, extra, outputs):
    del apply, params, extra
    return {level: found.codes for level, found in outputs.items()}

  def embed(apply, params, extra, latents):
    return apply('encoder', params, extra, latents, train=False, method='embed')[0]

  sizes = {f'{level}_': field.levels for level, field in codes.items()}
  return Posterior(
    draw,
    center,
    embed,
    blank=lambda num: {level: jnp.zeros((num, *field.shape, dim)) for level, field in codes.items()},
    term='commitment',
    has_density=False,
    codes=codes,
    health=lambda train, held_out, seen: disuse(train, sizes),
  )


def uniform_levels(codes: DataSpec) -> Prior:
  """`jaxgen.families.vae.prior.uniform_codes` for each level of codes."""
  levels = {name: uniform_codes(field.levels, field.shape) for name, field in codes.items()}

  def log_prob(apply, params, extra, latents, *, given, train):
    parts = [
      prior.log_prob(apply, params, extra, latents[name], given=given, train=train)[0]
      for name, prior in levels.items()
    ]
    return jnp.stack(parts).sum(0), extra

  def sample(apply, params, extra, rng, num, *, given):
    rngs = jax.random.split(rng, len(levels))
    return {
      name: prior.sample(apply, params, extra, rng, num, given=given)
      for rng, (name, prior) in zip(rngs, levels.items(), strict=True)
    }

  return Prior('uniform codes', log_prob, sample)
