"""Normalizing flows: a family function and its slots, one file each."""

from jaxgen.families.flow.dequantization import Dequantization
from jaxgen.families.flow.family import flow

__all__ = ['Dequantization', 'flow']
