"""Layers of networks that read one token after the other."""

from jaxgen.nn.sequence.causal_layer import CausalLayer, Kept
from jaxgen.nn.sequence.dilated import DilatedStack, GatedLayer, Queue, delayed
from jaxgen.nn.sequence.recurrent import GRU, LSTM
from jaxgen.nn.sequence.rotary import rotated
from jaxgen.nn.sequence.tied_embedding import TiedEmbedding

__all__ = [
  'GRU',
  'LSTM',
  'CausalLayer',
  'DilatedStack',
  'GatedLayer',
  'Kept',
  'Queue',
  'TiedEmbedding',
  'delayed',
  'rotated',
]
