"""The published weights of the Inception network: found, checked, converted.

The file is the one that pytorch-fid and torch-fidelity publish, 91 MiB; its name ends in the beginning of its
SHA-256. It is checked by the whole of it before anything in it is read.
"""

import hashlib
import shutil
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen import files
from jaxgen.errors import UserError
from jaxgen.metrics.features import torch_weights
from jaxgen.metrics.features.inception import SIZE, InceptionV3

NAME = 'pt_inception-2015-12-05-6726825d.pth'
URL = f'https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/{NAME}'
SHA256 = '6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2'
_EPSILON = 1e-3  # of the batch normalization


def find(cache: str | Path) -> Path | None:
  """The file where `fetch` keeps it or torch does, if it is there; nothing is downloaded."""
  places = (Path(cache) / NAME, Path.home() / '.cache/torch/hub/checkpoints' / NAME)
  return next((place for place in places if place.is_file()), None)


def fetch(cache: str | Path, url: str = URL, sha256: str = SHA256) -> Path:
  """The file in `cache`, downloaded the first time.

  Raises:
    UserError: if it cannot be had, or is not the file it should be.
  """
  path = Path(cache) / NAME
  if path.is_file():
    return path
  try:
    with files.replacing(path) as part:
      with open(part, 'wb') as file, urllib.request.urlopen(url, timeout=60) as response:
        shutil.copyfileobj(response, file, 1 << 20)
      _check(part, sha256)
  except OSError as error:  # urllib's own among them
    raise UserError(
      f'The Inception weights could not be downloaded ({error}): fetch {url} on another machine and put it at {path}.'
    ) from error
  return path


def load(path: str | Path, sha256: str = SHA256) -> dict:
  """The parameters of `InceptionV3`, from the PyTorch file.

  Raises:
    UserError: if the file is missing, was altered, or holds other tensors than the network has.
  """
  _check(Path(path), sha256)
  return convert(torch_weights.load(path))


def convert(tensors: Mapping[str, np.ndarray]) -> dict:
  """PyTorch's state dict -> parameters of `InceptionV3`; batch normalization becomes part of the convolution.

  `y = g (w x - m) / sqrt(v + eps) + b` is a convolution with `w g / sqrt(v + eps)` and a bias.

  Raises:
    UserError: if a tensor is missing or has another shape than the network's.
  """
  shapes = jax.eval_shape(InceptionV3().init, jax.random.key(0), jnp.zeros((1, SIZE, SIZE, 3)))['params']
  return _convert(tensors, shapes, '')


def _convert(tensors, shapes, prefix):
  if 'kernel' not in shapes:
    return {name: _convert(tensors, sub, f'{prefix}{name}.') for name, sub in shapes.items()}
  layer = _dense(tensors, prefix) if len(shapes['kernel'].shape) == 2 else _convolution(tensors, prefix)
  for name, array in layer.items():
    if array.shape != shapes[name].shape:
      raise UserError(
        f'The weights of {prefix[:-1]} have shape {array.shape} in place of {shapes[name].shape}; use {NAME}.'
      )
  return layer


def _dense(tensors, prefix):
  return {'kernel': _tensor(tensors, prefix + 'weight').T, 'bias': _tensor(tensors, prefix + 'bias')}


def _convolution(tensors, prefix):
  kernel = _tensor(tensors, prefix + 'conv.weight').astype(np.float64)
  gain, shift, mean, variance = (
    _tensor(tensors, f'{prefix}bn.{name}').astype(np.float64)
    for name in ('weight', 'bias', 'running_mean', 'running_var')
  )
  scale = gain / np.sqrt(variance + _EPSILON)
  kernel = (kernel * scale[:, None, None, None]).transpose(2, 3, 1, 0)
  return {'kernel': kernel.astype(np.float32), 'bias': (shift - mean * scale).astype(np.float32)}


def _tensor(tensors, name):
  if name not in tensors:
    raise UserError(f'The weights file holds no {name}; use {NAME}.')
  return tensors[name]


def _check(path, sha256):
  try:
    with path.open('rb') as file:
      found = hashlib.file_digest(file, 'sha256').hexdigest()
  except OSError as error:
    raise UserError(
      f'The Inception weights {path} cannot be read ({error.strerror}); download them from {URL}.'
    ) from error
  if found != sha256:
    raise UserError(
      f'{path} is not the file of published Inception weights: its SHA-256 begins {found[:8]}, not {sha256[:8]}; '
      f'download it again from {URL}.'
    )
