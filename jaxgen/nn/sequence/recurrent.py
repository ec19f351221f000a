"""Recurrent layers over whole sequences, and one position after the other: LSTM, GRU.

What a loop over positions need not compute stays out of it: the inputs' products are taken at all positions at once,
before it, and the gradient of the recurrent kernels after it. Automatic differentiation would add that gradient, of
width x width numbers for each gate, at every position.

Gates are arrays of their own and no parts of a wide one: XLA's loops over what is sliced from rows are no vector
instructions on a CPU, which costs more than the fewer, wider products save.

There is no forward mode (`jax.jvp`, `jax.linearize`) through `recurrence`, as of any `jax.custom_vjp`.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from flax.linen.dtypes import promote_dtype
from jax import lax

State = tuple[jax.Array, ...]  # f32[B, width] each, h the last: (c, h) of an LSTM, (h,) of a GRU
Gates = tuple[jax.Array, ...]  # [..., width] each, before their nonlinearities
Kernels = tuple[jax.Array | None, ...]  # [width, width] each, or None of a gate that does not see h
Cell = Callable[[Gates, State], State]  # without products: entry by entry


class LSTM(nn.Module):
  """Long short-term memory (Hochreiter & Schmidhuber, "Long short-term memory", 1997, with the forget gates of Gers et
  al., "Learning to forget", 2000):

      i, f, o = sigmoid(x W_i + h U_i + b_i), ...;  g = tanh(x W_g + h U_g + b_g)
      c' = f c + i g;  h' = o tanh(c')

  Its parameters have the names, shapes and first values of `flax.linen.LSTMCell`'s.

  Attributes:
    width: of c and h.
    dtype: of products and gates; c and h are float32 at least. By default that of inputs and parameters.
  """

  width: int
  dtype: Any = None

  def __call__(self, x: jax.Array) -> jax.Array:
    """[B, T, D] -> h of all positions, f32[B, T, width], from a state of zeros."""
    return _whole(lstm, *self._projected(_rows(jnp.swapaxes(x, 0, 1))), self.start(len(x)))

  def start(self, num: int) -> State:
    """(c, h) before the first position of `num` sequences."""
    return jnp.zeros((num, self.width)), jnp.zeros((num, self.width))

  def step(self, state: State, x: jax.Array) -> tuple[State, jax.Array]:
    """The state and the inputs of a position, [B, D] -> the state after it and h, f32[B, width]."""
    return _step(lstm, *self._projected(x), state)

  @nn.compact
  def _projected(self, x: jax.Array) -> tuple[Gates, Kernels]:
    given, kernels = [], []
    for gate in 'ifgo':
      W, _ = _Weights(x.shape[-1], self.width, name=f'i{gate}')()
      U, b = _Weights(self.width, self.width, True, nn.initializers.orthogonal(), name=f'h{gate}')()
      x, W, U, b = promote_dtype(x, W, U, b, dtype=self.dtype)
      given.append(x @ W + b)
      kernels.append(U)
    return tuple(given), tuple(kernels)


class GRU(nn.Module):
  """Gated recurrent units (Cho et al., "Learning phrase representations using RNN encoder-decoder", 2014, with the
  reset gate after the product):

      r, z = sigmoid(x W_r + b_r + h U_r), ...;  n = tanh(x W_n + b_n + r (h U_n + c_n));  h' = (1 - z) n + z h

  Its parameters have the names, shapes and first values of `flax.linen.GRUCell`'s.

  Attributes:
    width: of h.
    dtype: of products and gates; h is float32 at least. By default that of inputs and parameters.
  """

  width: int
  dtype: Any = None

  def __call__(self, x: jax.Array) -> jax.Array:
    """[B, T, D] -> h of all positions, f32[B, T, width], from a state of zeros."""
    return _whole(gru, *self._projected(_rows(jnp.swapaxes(x, 0, 1))), self.start(len(x)))

  def start(self, num: int) -> State:
    """(h,) before the first position of `num` sequences."""
    return (jnp.zeros((num, self.width)),)

  def step(self, state: State, x: jax.Array) -> tuple[State, jax.Array]:
    """The state and the inputs of a position, [B, D] -> the state after it and h, f32[B, width]."""
    return _step(gru, *self._projected(x), state)

  @nn.compact
  def _projected(self, x: jax.Array) -> tuple[Gates, Kernels]:
    given: list[jax.Array] = []
    kernels: list[jax.Array | None] = []
    for gate in 'rzn':
      W, b = _Weights(x.shape[-1], self.width, True, name=f'i{gate}')()
      U, c = _Weights(self.width, self.width, gate == 'n', nn.initializers.orthogonal(), name=f'h{gate}')()
      x, W, b, U, c = promote_dtype(x, W, b, U, c, dtype=self.dtype)
      given.append(x @ W + b)
      if c is not None:  # r turns the part of h alone, so that it is a gate of its own
        kernels.append(None)
        given.append(jnp.broadcast_to(c, given[-1].shape))
      kernels.append(U)
    return tuple(given), tuple(kernels)


def lstm(gates: Gates, state: State) -> State:
  """i, f, g, o before their nonlinearities, and (c, h) -> the next (c, h)."""
  i, f, g, o = gates
  c = nn.sigmoid(f) * state[0] + nn.sigmoid(i) * jnp.tanh(g)
  return c, nn.sigmoid(o) * jnp.tanh(c)


def gru(gates: Gates, state: State) -> State:
  """r, z, the inputs' and the state's part of n before their nonlinearities, and (h,) -> the next (h,)."""
  r, z, of_x, of_h = gates
  z, n = nn.sigmoid(z), jnp.tanh(of_x + nn.sigmoid(r) * of_h)
  return ((1 - z) * n + z * state[0],)


def recurrence(cell: Cell, given: Gates, kernels: Kernels, state: State) -> tuple[jax.Array, State]:
  """A cell at one position after the other, whose gates are `given[k][t] + h kernels[k]`.

  Args:
    cell: what becomes of gates and state.
    given: the gates' part that does not depend on the state, [T, B, width] each.
    kernels: of the gates.
    state: before the first position.

  Returns:
    h of all positions, [T, B, width], and the state after the last.
  """
  return _recurrence(cell, given, kernels, state)


def _scan(cell, given, kernels, state):
  """Gates and states of all positions."""

  def body(state, given):
    gates = _gates(given, kernels, state)
    state = cell(gates, state)
    return state, (gates, state)

  return lax.scan(body, state, given)[1]


def _run(cell: Cell, given: Gates, kernels: Kernels, state: State) -> tuple[jax.Array, State]:
  return _forward(cell, given, kernels, state)[0]


def _forward(cell, given, kernels, state):
  gates, states = _scan(cell, given, kernels, state)
  return (states[-1], tuple(x[-1] for x in states)), (gates, states, kernels, state)


def _backward(cell, kept, cotangents):
  gates, states, kernels, first = kept
  of_h, of_last = cotangents
  before = tuple(jnp.concatenate([x[None], rest[:-1]]) for x, rest in zip(first, states, strict=True))
  transposed = tuple(None if U is None else U.T for U in kernels)

  def body(of_state, at):
    gates, state, of_h = at
    _, pull = jax.vjp(cell, gates, state)  # the cell again, which is cheap beside the products
    of_gates, of_state = pull((*of_state[:-1], of_state[-1] + of_h))
    back = sum(d @ U for d, U in zip(of_gates, transposed, strict=True) if U is not None)
    return (*of_state[:-1], of_state[-1] + back), of_gates

  of_first, of_gates = lax.scan(body, of_last, (gates, before, of_h), reverse=True)
  of_kernels = tuple(
    None if U is None else jnp.einsum('ni,nj->ij', _rows(before[-1]).astype(U.dtype), _rows(d))
    for U, d in zip(kernels, of_gates, strict=True)
  )
  return of_gates, of_kernels, of_first


_recurrence = jax.custom_vjp(_run, nondiff_argnums=(0,))
_recurrence.defvjp(_forward, _backward)


def _whole(cell, given, kernels, state):
  """Gates' parts of the inputs, [T B, width] each -> h, [B, T, width]."""
  state = tuple(x.astype(jnp.promote_types(x.dtype, given[0].dtype)) for x in state)
  h, _ = recurrence(cell, tuple(x.reshape(-1, *state[0].shape) for x in given), kernels, state)
  return jnp.swapaxes(h, 0, 1)


def _step(cell, given, kernels, state):
  state = cell(_gates(given, kernels, state), state)
  return state, state[-1]


def _gates(given, kernels, state):
  h = state[-1]
  return tuple(x if U is None else x + h.astype(U.dtype) @ U for x, U in zip(given, kernels, strict=True))


def _rows(x):
  """[T, B, D] -> [T B, D]: of matrices, products and their gradients are quicker."""
  return x.reshape(-1, x.shape[-1])


class _Weights(nn.Module):
  """The kernel [depth, width] and the bias [width] of a product, or None for the latter."""

  depth: int
  width: int
  biased: bool = False
  kernel_init: Callable[..., jax.Array] = nn.initializers.lecun_normal()

  @nn.compact
  def __call__(self) -> tuple[jax.Array, jax.Array | None]:
    kernel = self.param('kernel', self.kernel_init, (self.depth, self.width))
    return kernel, self.param('bias', nn.initializers.zeros, (self.width,)) if self.biased else None
