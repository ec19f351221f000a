"""Traversal: one latent at a time goes from one end of its range to the other, the others stay."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxgen import show
from jaxgen.uses.latents.vectors import flat, unflat
from jaxgen.uses.subject import Subject, Written, needed

_LATENTS, _REACH = 8, 2.5  # how many, to how many standard deviations
_STAGES, _BETWEEN = 9, 2  # pictures of the grid; frames of the GIF for each way from one to the next
_EXAMPLES, _DRAWS = 500, 8


def run(subject: Subject) -> Written:
  """`traversal.png`: a row per latent, from -2.5 to 2.5 standard deviations about its mean, and `traversal.gif`, in
  which each goes there and back.

  They are the latents of the largest KL(q(z|x) || p(z)), the mean over examples of the split in nats, where the model
  knows it latent by latent; else those of the largest variance. With an encoder that is the variance of the mean code
  over examples of the split: a latent that the encoder fills with noise alone has nearly none. Without one it is that
  of the prior.
  """
  latents, given = _codes(subject)
  mean, std, kl = latents.mean(0), latents.std(0), _kl(subject)
  chosen = np.argsort(-(std if kl is None else kl), kind='stable')[:_LATENTS]
  moved = np.tile(latents[0], (len(chosen), _BETWEEN * (_STAGES - 1) + 1, 1))
  for row, latent in enumerate(chosen):
    moved[row, :, latent] = mean[latent] + std[latent] * np.linspace(-_REACH, _REACH, moved.shape[1])
  x = _decoded(subject, moved, given)
  grid = x[:, ::_BETWEEN].reshape(-1, *subject.field.shape)
  picture = subject.save_picture('traversal', subject.picture(grid, _STAGES))
  frames = [subject.picture(x[:, stage], len(chosen)) for stage in range(x.shape[1])]
  moving = subject.folder / 'traversal.gif'
  show.save_gif([*frames, *frames[-2::-1]], moving)
  numbers = {'ordered_by': 'std' if kl is None else 'kl', 'latents': chosen.tolist()}
  measured = {'std': std} if kl is None else {'kl': kl, 'std': std}  # kl in nats
  return Written((picture, moving), numbers | {name: v[chosen].tolist() for name, v in measured.items()})


def _decoded(subject, moved, given):
  """Latents f32[N, T, D] under the condition of one example, as examples [N, T, *shape]."""
  points = jnp.asarray(moved.reshape(-1, moved.shape[-1]))
  stays = given and {name: np.repeat(value[:1], len(points), axis=0) for name, value in given.items()}
  x = jax.jit(needed(subject.model.decode))(subject.params, subject.extra, unflat(subject)(points), stays)
  return np.asarray(x).reshape(*moved.shape[:2], *subject.field.shape)


def _kl(subject):
  """Of each latent the mean over examples, f32[D] in nats; None where the model does not know it."""
  kl = subject.term('kl_per_latent')
  if kl is None:
    return None
  places = subject.spread(subject.split, _EXAMPLES)
  return subject.per_example(kl, subject.rng('traversal'), subject.source(subject.split), places).mean(0)


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
