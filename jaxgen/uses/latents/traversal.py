"""Traversal: one latent at a time goes from one end of its range to the other, the others stay."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxgen.uses.latents.vectors import flat, unflat
from jaxgen.uses.subject import Subject, Written, needed

_LATENTS, _STAGES, _REACH = 8, 9, 2.5  # how many, in how many pictures, to how many standard deviations
_EXAMPLES, _DRAWS = 500, 8


def run(subject: Subject) -> Written:
  """`traversal.png`: a row per latent of the largest variance, from -2.5 to 2.5 standard deviations about its mean.

  With an encoder the variance is that of the mean code over examples of the split: a latent that the encoder fills
  with noise alone has nearly none. Without one it is that of the prior.
  """
  latents, given = _codes(subject)
  mean, std = latents.mean(0), latents.std(0)
  chosen = np.argsort(-std, kind='stable')[:_LATENTS]
  moved = np.tile(latents[0], (len(chosen), _STAGES, 1))
  for row, latent in enumerate(chosen):
    moved[row, :, latent] = mean[latent] + std[latent] * np.linspace(-_REACH, _REACH, _STAGES)
  points = jnp.asarray(moved.reshape(-1, moved.shape[-1]))
  stays = given and {name: np.repeat(value[:1], len(points), axis=0) for name, value in given.items()}
  x = jax.jit(needed(subject.model.decode))(subject.params, subject.extra, unflat(subject)(points), stays)
  picture = subject.save_picture('traversal', subject.picture(np.asarray(x), _STAGES))
  return Written((picture,), {'latents': chosen.tolist(), 'std': std[chosen].tolist()})


def _codes(subject):
  """The latents of many examples, f32[N, D], and the conditions of the first."""
  model, rng = subject.model, subject.rng('traversal')
  if not model.encode:
    drawn = jax.jit(needed(model.latents), static_argnums=3)(subject.params, subject.extra, rng, _EXAMPLES)
    return np.asarray(flat(drawn)), subject.given(1)
  encode, source = model.encode, subject.source(subject.split)

  def mean_code(params, extra, rng, batch):
    draws = lax.map(lambda key: flat(encode(params, extra, key, batch)), jax.random.split(rng, _DRAWS))
    return draws.mean(0)

  places = subject.spread(subject.split, _EXAMPLES)
  return subject.per_example(mean_code, rng, source, places), subject.given_of(subject.examples(1))
