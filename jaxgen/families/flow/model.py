"""What a flow is made of, and the change of variables between examples and latents."""

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import jax

from jaxgen.bijectors import Bijector
from jaxgen.families import conditions
from jaxgen.families.flow.base import Base
from jaxgen.families.flow.dequantization import Dequantization
from jaxgen.families.networks import Networks, Part, networks
from jaxgen.types import Batch, DataSpec, Extra, Field, Params, PRNGKey


class FlowModel(NamedTuple):
  """The slots of `jaxgen.families.flow.family.flow`, and the way to its networks."""

  networks: Networks
  bijector: Bijector
  base: Base
  dequantization: Dequantization
  x: Field
  given: DataSpec


class Point(NamedTuple):
  """One example on its way to the latents."""

  y: jax.Array  # f32[B, *shape], dequantized
  latents: Any
  log_prior: jax.Array  # f32[B], of the latents under the base
  log_det: jax.Array  # f32[B], of the bijector and the dequantization
  extra: Extra


def assembled(bijector: Bijector, base: Base, dequantization: Dequantization) -> Networks:
  """The bijector, under the name 'flow', and the networks of the other slots.

  Raises:
    ValueError: if two of them have one name.
  """
  parts = {'flow': Part(bijector, lambda: (), 'forward_and_log_det')}
  for slot in (base, dequantization):
    if taken := parts.keys() & slot.parts.keys():
      raise ValueError(f'two networks of a flow are called {min(taken)}; give one of them another name.')
    parts |= slot.parts
  modules = {name: part.module for name, part in parts.items()}
  return networks({name: part.method for name, part in parts.items() if part.method}, **modules)


def init(model: FlowModel, rng: PRNGKey, batch: Batch) -> tuple[Params, Extra]:
  """The first `(params, extra)`: some bijectors take theirs from the batch."""
  rng_flow, rng_noise = jax.random.split(rng)
  nets, dequantization = model.networks, model.dequantization
  x, given = batch['x'], conditions.prepared(batch, model.given)
  params, extra = nets.init(rng_noise, {name: part.inputs() for name, part in dequantization.parts.items()})
  y, _, _ = dequantization.draw(nets.apply, params, extra, rng_noise, x, given, train=False)
  flow_params, flow_extra = nets.init(rng_flow, {'flow': (y, given)})
  params, extra = params | flow_params, extra | flow_extra
  if not model.base.parts:
    return params, extra
  (latents, _), _ = nets.apply('flow', params, extra, y, given, method='forward_and_log_det', train=False)
  base_params, base_extra = model.base.init(nets, jax.random.fold_in(rng, 2), latents, given)
  return params | base_params, extra | base_extra


def forward(
  model: FlowModel, params: Params, extra: Extra, rng: PRNGKey, batch: Batch, train: bool = False
) -> Point:
  """From a batch to its latents."""
  nets, given = model.networks, conditions.prepared(batch, model.given)
  y, log_q, extra = model.dequantization.draw(nets.apply, params, extra, rng, batch['x'], given, train=train)
  key = jax.random.fold_in(rng, 1) if train else None
  apply = partial(nets.apply, method='forward_and_log_det', train=train, rng=key)
  (latents, log_det), extra = apply('flow', params, extra, y, given)
  log_prior, extra = model.base.log_prob(nets.apply, params, extra, latents, given, train=train)
  return Point(y, latents, log_prior, log_det + log_q, extra)


def inverse(
  model: FlowModel, params: Params, extra: Extra, latents: Any, given: Mapping[str, jax.Array]
) -> jax.Array:
  """From latents to y f32[B, *shape]; `given` is prepared."""
  apply = partial(model.networks.apply, method='inverse_and_log_det', train=False)
  return apply('flow', params, extra, latents, given)[0][0]
