"""Data: sources with random access, and the batches of a step as a pure function of (seed, step)."""

from jaxgen.data.batching import batches, eval_batches
from jaxgen.data.loading import load, monitored_split, resolve
from jaxgen.data.order import batch_indices
from jaxgen.data.source import Source

__all__ = ['Source', 'batch_indices', 'batches', 'eval_batches', 'load', 'monitored_split', 'resolve']
