import hashlib

import numpy as np
import pytest

from jaxgen.errors import UserError
from jaxgen.metrics.features import inception_weights
from jaxgen.metrics.features.inception_weights import NAME, SHA256

_CONTENT = b'weights'
_HASH = hashlib.sha256(_CONTENT).hexdigest()


def test_the_name_states_the_hash():
  assert f'pt_inception-2015-12-05-{SHA256[:8]}.pth' == NAME


def test_downloads_once_and_checks(tmp_path):
  published = tmp_path / 'published'
  published.write_bytes(_CONTENT)
  cache = tmp_path / 'cache'
  path = inception_weights.fetch(cache, published.as_uri(), _HASH)
  assert path == cache / NAME == inception_weights.find(cache)
  published.unlink()
  assert inception_weights.fetch(cache, published.as_uri(), _HASH).read_bytes() == _CONTENT


def test_a_download_that_was_altered_is_not_kept(tmp_path):
  published = tmp_path / 'published'
  published.write_bytes(b'other weights')
  with pytest.raises(UserError, match='SHA-256 begins'):
    inception_weights.fetch(tmp_path / 'cache', published.as_uri(), _HASH)
  assert list((tmp_path / 'cache').iterdir()) == []


def test_offline_says_where_to_put_the_file(tmp_path):
  with pytest.raises(UserError, match=f'on another machine and put it at {tmp_path}'):
    inception_weights.fetch(tmp_path, 'file:///nowhere/at/all')
  assert list(tmp_path.iterdir()) == []


def test_an_altered_or_missing_file_is_refused_before_it_is_read(tmp_path):
  path = tmp_path / NAME
  path.write_bytes(_CONTENT)
  with pytest.raises(UserError, match=f'SHA-256 begins {_HASH[:8]}, not 6726825d'):
    inception_weights.load(path)
  with pytest.raises(UserError, match='cannot be read'):
    inception_weights.load(tmp_path / 'none.pth')


def test_weights_of_another_network_are_refused():
  with pytest.raises(UserError, match='holds no Conv2d_1a_3x3.conv.weight'):
    inception_weights.convert({'fc.weight': np.zeros((1008, 2048), np.float32)})
  unit = {f'Conv2d_1a_3x3.bn.{n}': np.ones(16) for n in ('weight', 'bias', 'running_mean', 'running_var')}
  with pytest.raises(
    UserError, match=r'Conv2d_1a_3x3 have shape \(3, 3, 3, 16\) in place of \(3, 3, 3, 32\)'
  ):
    inception_weights.convert(unit | {'Conv2d_1a_3x3.conv.weight': np.ones((16, 3, 3, 3))})
