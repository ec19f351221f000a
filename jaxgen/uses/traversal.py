"""Traversal: one latent at a time goes from one end of its range to the other, the others stay."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.flatten_util import ravel_pytree

from jaxgen.uses.subject import Subject, Written, needed

_LATENTS, _STAGES, _REACH = 8, 9, 2.5  # how many, in how many pictures, to how many standard deviations
_EXAMPLES, _DRAWS = 500, 8


def run(subject: Subject) -> Written:
  """`traversal.png`: a row per latent of the largest variance, from -2.5 to 2.5 standard deviations about its mean.

  With an encoder the variance is that of the mean code over examples of the split: a latent that the encoder fills
  with noise alone has nearly none. Without one it is that of the prior.
  """
  start, latents, given = _codes(subject)
  mean, std = latents.mean(0), latents.std(0)
  chosen = np.argsort(-std, kind='stable')[:_LATENTS]
  flat = np.tile(latents[0], (len(chosen), _STAGES, 1))
  for row, latent in enumerate(chosen):
    flat[row, :, latent] = mean[latent] + std[latent] * np.linspace(-_REACH, _REACH, _STAGES)
  flat = flat.reshape(-1, flat.shape[-1])
  _, unravel = ravel_pytree(start)
  moved = jax.vmap(unravel)(jnp.asarray(flat))
  stays = given and {name: np.repeat(value[:1], len(flat), axis=0) for name, value in given.items()}
  x = jax.jit(needed(subject.model.decode))(subject.params, subject.extra, moved, stays)
  picture = subject.save_picture('traversal', subject.picture(np.asarray(x), _STAGES))
  return Written((picture,), {'latents': chosen.tolist(), 'std': std[chosen].tolist()})


def _codes(subject):
  """The latents of one example as a tree, those of many as f32[N, D], and the conditions of the first."""
  model, rng = subject.model, subject.rng('traversal')
  if not model.encode:
    drawn = jax.jit(needed(model.latents), static_argnums=3)(subject.params, subject.extra, rng, _EXAMPLES)
    return jax.tree.map(lambda leaf: leaf[0], drawn), np.asarray(_flat(drawn)), subject.given(1)
  batch = subject.examples(1)
  encode = model.encode
  code = jax.eval_shape(encode, subject.params, subject.extra, rng, batch)
  one = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape[1:], leaf.dtype), code)

  def mean_code(params, extra, rng, batch):
    draws = lax.map(lambda key: _flat(encode(params, extra, key, batch)), jax.random.split(rng, _DRAWS))
    return draws.mean(0)

  places = subject.spread(subject.split, _EXAMPLES)
  return (
    one,
    subject.per_example(mean_code, rng, subject.source(subject.split), places),
    subject.given_of(batch),
  )


def _flat(latents):
  return jax.vmap(lambda one: ravel_pytree(one)[0])(latents)
