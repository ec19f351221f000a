"""Reads what a pickle describes, without unpickling: nothing in it is looked up, imported or called.

A pickle is a program for a small stack machine, and unpickling runs it. `pickle.Unpickler` with a restricted
`find_class` is not enough to make that harmless: BUILD still sets attributes on whatever objects are allowed,
EXT takes objects from a process-wide table that `find_class` never sees, and a memo index of 2^31 allocates as
much. So `pickletools.genops` of the standard library only splits the bytes into instructions here; the table at the
end of this file gives a meaning to those that nested tuples, lists and dictionaries need, and every other is refused.
"""

import functools
import pickletools
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO, NamedTuple

_MAX_INSTRUCTIONS = 1_000_000  # the weights of InceptionV3 take about 30,000


class Refused(ValueError):
  """What the pickle asks for is not what plain data need."""


class Name(NamedTuple):
  """A global that the pickle names, 'module name'."""

  name: str


class _Mark:
  """The place on the stack where a tuple, list or dictionary begins."""


_MARK = _Mark()


def interpret(
  file: BinaryIO, calls: Mapping[str, Callable[[tuple], Any]], persistent: Callable[[Any], Any]
) -> Any:
  """The value that the next pickle in `file` describes, built of plain Python values and `Name`.

  Args:
    file: read up to the end of that pickle.
    calls: `'module name' -> (arguments -> value)`, our own meaning of the calls that the pickle may ask for.
    persistent: our own meaning of its references to what lies outside of it.

  Raises:
    Refused: if it asks for more than that.
    ValueError: where the bytes are no pickle; `calls`, `persistent` and damage raise others.
  """
  stack: list[Any] = []
  memo: dict[int, Any] = {}
  actions = _ACTIONS | {
    'REDUCE': functools.partial(_reduce, calls),
    'BINPERSID': lambda arg, stack, memo: stack.append(persistent(stack.pop())),
  }
  for count, (code, arg, _) in enumerate(pickletools.genops(file)):
    if count > _MAX_INSTRUCTIONS:
      raise Refused('it is too long')
    if code.name == 'STOP':
      break
    if code.name not in actions:
      raise Refused(f'it uses the instruction {code.name}')
    actions[code.name](arg, stack, memo)
  if len(stack) != 1:
    raise Refused('it ends early')
  return stack[0]


def _push(arg, stack, memo):
  stack.append(arg)


def _push_tuple(count):
  def act(arg, stack, memo):
    values = [stack.pop() for _ in range(count)]
    stack.append(tuple(values[::-1]))

  return act


def _to_mark(stack):
  start = len(stack) - 1 - stack[::-1].index(_MARK)
  values = stack[start + 1 :]
  del stack[start:]
  return values


def _reduce(calls, arg, stack, memo):
  args, function = stack.pop(), stack.pop()
  if not isinstance(function, Name) or function.name not in calls or not isinstance(args, tuple):
    raise Refused(f'it asks for {function.name if isinstance(function, Name) else "an unknown call"}')
  stack.append(calls[function.name](args))


def _set_items(pairs, stack):
  target = stack[-1]
  if not isinstance(target, dict) or not all(isinstance(key, str) for key in pairs[::2]):
    raise Refused('it fills something that is no dictionary of names')
  target.update(zip(pairs[::2], pairs[1::2], strict=True))


def _append(values, stack):
  if not isinstance(stack[-1], list):
    raise Refused('it fills something that is no list')
  stack[-1].extend(values)


def _remember(arg, stack, memo):
  memo[len(memo) if arg is None else arg] = stack[-1]


# Instruction -> (argument, stack, memo) -> None: the whole language, but for calls and references.
_ACTIONS = {
  'BININT': _push,
  'BININT1': _push,
  'BININT2': _push,
  'LONG1': _push,
  'BINUNICODE': _push,
  'SHORT_BINUNICODE': _push,
  'NONE': lambda arg, stack, memo: stack.append(None),
  'NEWTRUE': lambda arg, stack, memo: stack.append(True),
  'NEWFALSE': lambda arg, stack, memo: stack.append(False),
  'TUPLE1': _push_tuple(1),
  'TUPLE2': _push_tuple(2),
  'TUPLE3': _push_tuple(3),
  'PROTO': lambda arg, stack, memo: None,
  'FRAME': lambda arg, stack, memo: None,
  'MARK': lambda arg, stack, memo: stack.append(_MARK),
  'EMPTY_TUPLE': lambda arg, stack, memo: stack.append(()),
  'EMPTY_LIST': lambda arg, stack, memo: stack.append([]),
  'EMPTY_DICT': lambda arg, stack, memo: stack.append({}),
  'TUPLE': lambda arg, stack, memo: stack.append(tuple(_to_mark(stack))),
  'BINPUT': _remember,
  'LONG_BINPUT': _remember,
  'MEMOIZE': _remember,
  'BINGET': lambda arg, stack, memo: stack.append(memo[arg]),
  'LONG_BINGET': lambda arg, stack, memo: stack.append(memo[arg]),
  'GLOBAL': lambda arg, stack, memo: stack.append(Name(arg)),
  # The state of an object is left out: nothing here has any.
  'BUILD': lambda arg, stack, memo: stack.pop(),
  'SETITEM': lambda arg, stack, memo: _set_items([stack.pop(-2), stack.pop()], stack),
  'SETITEMS': lambda arg, stack, memo: _set_items(_to_mark(stack), stack),
  'APPEND': lambda arg, stack, memo: _append([stack.pop()], stack),
  'APPENDS': lambda arg, stack, memo: _append(_to_mark(stack), stack),
}
