"""Joining the other hosts of a run, and what they do alike while one speaks for all."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import jax

from jaxgen.errors import UserError


def start() -> None:
  """Joins the other hosts of a run, where there are any. Call it before a device is touched.

  On TPU pods and under Slurm or Open MPI jax finds the others by itself; elsewhere the environment names
  them: `JAXGEN_COORDINATOR=host:port`, `JAXGEN_NUM_PROCESSES` and `JAXGEN_PROCESS_ID`.

  Raises:
    UserError: if these do not fit together, or jax finds no device of the kind that `JAX_PLATFORMS` names.
  """
  coordinator = os.environ.get('JAXGEN_COORDINATOR')
  if coordinator:
    jax.distributed.initialize(coordinator, *_place_among_processes(coordinator))
  elif any(
    name in os.environ for name in ('TPU_WORKER_HOSTNAMES', 'SLURM_JOB_NUM_NODES', 'OMPI_MCA_orte_hnp_uri')
  ):
    jax.distributed.initialize()
  try:
    jax.devices()
  except (RuntimeError, AssertionError) as error:  # an assertion where no plugin knows the platform
    reason = str(error).strip().partition('\n')[0].partition(' (set JAX_PLATFORMS')[0]
    platforms = os.environ.get('JAX_PLATFORMS', '')
    remedy = 'unset JAX_PLATFORMS, or set it to cpu' if platforms else 'check its installation'
    raise UserError(
      f'jax finds no device {platforms}: {reason or "it has no plugin for it"}; {remedy}.'
    ) from None


@contextlib.contextmanager
def one_speaks() -> Iterator[None]:
  """What is printed meanwhile is seen of the first host alone."""
  if jax.process_index() == 0:
    yield
    return
  with open(os.devnull, 'w') as nowhere, contextlib.redirect_stdout(nowhere):
    yield


@contextlib.contextmanager
def one_writes(folder: Path) -> Iterator[Path]:
  """The folder itself on the first host; on the others one that vanishes."""
  if jax.process_index() == 0:
    yield folder
    return
  with tempfile.TemporaryDirectory() as own:
    yield Path(own)


@contextlib.contextmanager
def all_alike(folder: Path) -> Iterator[Path]:
  """The folder itself where there is one host; with several, an empty one on each, which vanishes.

  Hosts compute together: what one finds done and the others do not, they would wait for in vain.
  """
  if jax.process_count() == 1:
    yield folder
    return
  with tempfile.TemporaryDirectory() as own:
    yield Path(own)


def _place_among_processes(coordinator):
  """How many processes there are, and which of them this one is."""
  found = [os.environ.get(name, '') for name in ('JAXGEN_NUM_PROCESSES', 'JAXGEN_PROCESS_ID')]
  host, _, port = coordinator.rpartition(':')
  if host and all(text.isascii() and text.isdigit() for text in (port, *found)):
    count, index = map(int, found)
    if index < count:
      return count, index
  raise UserError(
    f'JAXGEN_COORDINATOR={coordinator} (host:port) needs JAXGEN_NUM_PROCESSES, a number from 1, and '
    f'JAXGEN_PROCESS_ID, a number from 0 below it, not "{found[0]}" and "{found[1]}"; set all three, or none.'
  )
