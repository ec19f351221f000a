import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgen import updates
from jaxgen.errors import UserError
from jaxgen.runs.checkpoint import Checkpoints
from jaxgen.types import State


def make_state(step=0, width=64):
  params = {'a': jax.random.normal(jax.random.key(step), (width, width)), 'b': {'c': jnp.zeros(3)}}
  update = updates.chain(updates.minimize(None, optax.adam(0.1), wrt='a'), updates.ema(0.9))
  return State(jnp.int32(step), params, {'n': jnp.int32(7)}, update.init(params), jnp.zeros(2, jnp.uint32))


def assert_same(one, two):
  assert jax.tree.structure(one) == jax.tree.structure(two)
  jax.tree.map(np.testing.assert_array_equal, one, two)


@pytest.fixture
def saved(tmp_path):
  checkpoints = Checkpoints(tmp_path / 'checkpoints', keep=2)
  for step in (10, 20, 30):
    checkpoints.save(make_state(step), {'row': step})
  checkpoints.close()
  return tmp_path / 'checkpoints'


def largest_file(folder):
  return max((file for file in folder.rglob('*') if file.is_file()), key=lambda file: file.stat().st_size)


def test_what_is_restored_is_what_was_saved(saved):
  checkpoints = Checkpoints(saved)
  assert checkpoints.steps() == [20, 30]
  state, notes = checkpoints.restore(make_state())
  assert_same(state, make_state(30))
  assert notes == {'row': 30}
  assert_same(checkpoints.restore(make_state(), step=20)[0], make_state(20))


def test_shapes_alone_are_enough_to_restore(saved):
  state, _ = Checkpoints(saved).restore(jax.eval_shape(make_state))
  assert_same(state, make_state(30))


@pytest.mark.parametrize(('keep', 'left'), [(0, [10, 20, 30, 40]), (1, [40]), (3, [20, 30, 40])])
def test_the_newest_are_kept_and_zero_keeps_all(tmp_path, keep, left):
  checkpoints = Checkpoints(tmp_path, keep)
  for step in (10, 20, 30, 40):
    checkpoints.save(make_state(step))
  checkpoints.close()
  assert Checkpoints(tmp_path, keep).steps() == left


def test_keeping_a_negative_number_is_refused_before_anything_is_made(tmp_path):
  with pytest.raises(UserError, match='keep_checkpoints=-1 is negative; 0 keeps all'):
    Checkpoints(tmp_path / 'new', keep=-1)
  assert not (tmp_path / 'new').exists()


def test_a_protected_step_outlives_the_newest_until_another_takes_its_role(tmp_path):
  checkpoints = Checkpoints(tmp_path, keep=1)
  left = []
  for step, best in ((10, 10), (20, 10), (30, 30), (40, 30)):
    checkpoints.save(make_state(step))
    checkpoints.protect('best', best)
    checkpoints.wait()
    left.append(checkpoints.steps())
  assert left == [[10], [10, 20], [10, 30], [30, 40]]


def test_the_only_checkpoint_is_removed_once_its_successor_is_whole(tmp_path, monkeypatch):
  checkpoints = Checkpoints(tmp_path, keep=1)
  checkpoints.save(make_state(10))
  checkpoints.wait()

  def fail(*_, **__):
    raise OSError(5, 'Input/output error')

  monkeypatch.setattr('os.rename', fail)  # the last thing that happens to a new checkpoint
  monkeypatch.setattr('os.replace', fail)
  with pytest.raises(UserError, match='could not be written .* Input/output error'):
    checkpoints.save(make_state(20))
    checkpoints.wait()
  assert checkpoints.steps() == [10]


def test_an_empty_folder_has_nothing(tmp_path):
  assert Checkpoints(tmp_path / 'new').restore(make_state()) is None


def flip_a_byte(file):
  content = bytearray(file.read_bytes())
  content[len(content) // 2] ^= 0xFF
  file.write_bytes(bytes(content))


@pytest.mark.parametrize(
  'damage', [flip_a_byte, lambda f: f.write_bytes(f.read_bytes()[:100]), lambda f: f.unlink()]
)
def test_a_damaged_checkpoint_gives_way_to_the_one_before(saved, capsys, damage):
  damage(largest_file(saved / '30'))
  checkpoints = Checkpoints(saved, keep=2)
  state, _ = checkpoints.restore(make_state())
  assert_same(state, make_state(20))
  assert 'checkpoint of step 30 is damaged' in capsys.readouterr().out
  assert (saved.parent / 'damaged-checkpoints-30').is_dir()
  checkpoints.save(make_state(30))
  checkpoints.close()
  assert_same(Checkpoints(saved).restore(make_state())[0], make_state(30))


def test_a_half_written_checkpoint_is_not_one(saved):
  (saved / '40.orbax-checkpoint-tmp').mkdir()
  (saved / '40.orbax-checkpoint-tmp' / 'state').write_bytes(b'half')
  state, _ = Checkpoints(saved).restore(make_state())
  assert int(state.step) == 30


def test_another_model_is_told_from_damage(saved):
  with pytest.raises(
    UserError, match=r'is of another model: .* is \(64, 64\) there and \(65, 65\) in this config'
  ):
    Checkpoints(saved).restore(make_state(width=65))
  assert Checkpoints(saved).steps() == [20, 30]


def test_a_step_that_is_not_there_is_named(saved):
  with pytest.raises(UserError, match=r'no checkpoint of step 7; it has \[20, 30\]'):
    Checkpoints(saved).restore(make_state(), step=7)


def test_a_full_disk_is_one_sentence(saved, monkeypatch):
  checkpoints = Checkpoints(saved)

  def full(*_, **__):
    raise OSError(28, 'No space left on device')

  monkeypatch.setattr(checkpoints._manager, 'save', full)
  with pytest.raises(UserError, match='the disk is full. Make room and start the same command again'):
    checkpoints.save(make_state(50))
