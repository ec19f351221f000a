"""Which teachers a student takes, that it starts as noise of a scale, and that it draws in one pass."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from configs import parallel_wavenet_strings
from jaxgen import config_keys, fields
from jaxgen.bijectors import Chain, Inverse
from jaxgen.errors import UserError
from jaxgen.families.distilled import Student
from jaxgen.models.autoregressive import wavenet
from jaxgen.models.flow import parallel_wavenet
from jaxgen.types import DATA_AXIS, Field, Stage, State

SOUND, PITCH, TIMBRE = Field('audio', (32, 1), 256), Field('label', (), 3), Field('vector', (2,), 0)


def _config(x=SOUND, pitch=PITCH, rate=8000, given=('pitch',), **model):
  config = parallel_wavenet_strings.get_config('smoke')
  config.data.fields = fields.to_dict({'x': x, 'pitch': pitch, 'timbre': TIMBRE})
  config.data.rate, config.given = rate, given
  config.model.update({'frame': 16, 'hop': 8, **model})
  return config


def _teacher(module='', distribution='logistics', **changes):
  config = _config(**changes)
  config.module = wavenet.__name__
  model = config_keys.default_values(wavenet.KEYS) | {'distribution': distribution, 'num_dilations': 2}
  config.model = ConfigDict(model)
  made = wavenet.build(config)
  config.module = module or config.module
  params, extra = jax.eval_shape(made.init, jax.random.key(0), {})
  return {'teacher': Stage('runs/taught', config, made, params, extra, 1, 'abc')}


@pytest.mark.parametrize(
  ('config', 'teacher', 'sentence'),
  [
    ({}, dict(distribution='categorical'), r'teacher \(runs/taught\) has a softmax over its codes.*distribution=logi'),
    ({}, dict(rate=4000), 'is of rate 4000 Hz, and this run of 8000 Hz'),
    ({}, dict(x=Field('audio', (64, 1), 256)), r'is of context \(64, 1\), and this run of \(32, 1\)'),
    ({}, dict(x=Field('audio', (32, 1), 64)), 'is of levels 64, and this run of 256'),
    ({}, dict(given=()), 'is of conditions none, and this run of pitch'),
    ({}, dict(pitch=Field('label', (), 4)), r'is of the condition pitch, Field\(.*levels=4\), and this'),
    ({}, dict(module='jaxgen.models.autoregressive.charlm'), 'a student learns from a WaveNet'),
    (dict(x=Field('image', (8, 8, 1), 17)), {}, 'models sound of one channel, not image data'),
    (dict(power=1.0, frame=64), {}, 'config.model.frame=64 is more than the 32 samples of an example'),
    (dict(gamma=0.3, given=()), dict(given=()), 'config.model.gamma=0.3 is of a term that compares conditions'),
  ],
)  # fmt: skip
def test_a_teacher_or_a_term_that_does_not_fit_is_refused(config, teacher, sentence):
  with pytest.raises(UserError, match=sentence):
    parallel_wavenet.build(_config(**config), _teacher(**teacher))


def _pair(given):
  """A student whose conditions are in this order, and a teacher of random weights that was told the pitch first."""
  stage = _teacher(given=('pitch', 'timbre'))['teacher']
  noise = np.random.default_rng(0)
  params = jax.tree.map(lambda leaf: jnp.asarray(noise.normal(0, 0.3, leaf.shape), leaf.dtype), stage.params)
  config = _config(given=given, gamma=0.3, power=1.0, num_flows=1, num_dilations=1)
  config.optimizer.warmup_steps = 0  # whose first step is none
  return parallel_wavenet.build(config, {'teacher': stage._replace(params=params)}), params


def test_a_student_learns_from_a_teacher_that_stays_as_it_is():
  """Whatever the order in which both are told conditions; under equal ones of all examples the others are its own."""
  batch = {
    'x': jnp.full((2, 32, 1), 100, jnp.uint8),
    'pitch': jnp.array([2, 2]),
    'timbre': jnp.array([[0.5, -1.0]] * 2),
  }
  terms = []
  for given in (('pitch', 'timbre'), ('timbre', 'pitch')):
    made, taught = _pair(given)
    params, extra = made.init(jax.random.key(0), batch)
    terms.append(jax.jit(made.evaluate)(params, extra, jax.random.key(1), batch))
    np.testing.assert_array_equal(terms[-1]['other_kl'], terms[-1]['kl_per_sample'])
  np.testing.assert_array_equal(terms[0]['kl_per_sample'], terms[1]['kl_per_sample'])
  assert made.given == ('timbre', 'pitch') and made.selected_by == 'kl_per_sample' and made.log_prob is None
  assert '0.3 KL(student || teacher under other conditions)' in made.objective
  state = State(jnp.int32(1), params, extra, made.update.init(params), jax.random.key_data(jax.random.key(2)))
  step = jax.vmap(made.update.apply, in_axes=(None, None, 0), out_axes=None, axis_name=DATA_AXIS)
  after, _ = jax.jit(step)(state, jax.random.key(3), jax.tree.map(lambda value: value[None], batch))
  kept = after.extra['stages']['teacher']['params']
  jax.tree.map(np.testing.assert_array_equal, kept, taught['network'])
  assert any(jax.tree.leaves(jax.tree.map(lambda a, b: bool((a != b).any()), params, after.params)))


def test_a_sample_of_a_student_is_one_pass_where_its_teacher_goes_through_it_entry_by_entry():
  """No loop is left in its program."""
  stage = _teacher()['teacher']
  student = parallel_wavenet.build(_config(num_flows=2, num_dilations=2), {'teacher': stage})
  params, extra = jax.eval_shape(student.init, jax.random.key(0), {})
  loops = [
    re.findall(r'\b(?:scan|while)\[', str(program))
    for program in (
      jax.make_jaxpr(student.sample, static_argnums=3)(params, extra, jax.random.key(1), 2),
      jax.make_jaxpr(stage.model.sample, static_argnums=3)(stage.params, stage.extra, jax.random.key(1), 2),
    )
  ]
  assert loops[0] == [] and loops[1] == ['scan[']


def test_a_student_starts_as_noise_of_a_scale():
  config = _config(initial_scale=0.05)
  network = Student(Chain([Inverse(flow) for flow in reversed(parallel_wavenet.flows(config))]))
  z, given = jax.random.logistic(jax.random.key(0), (2, 32)), {'pitch': jnp.eye(3)[:2]}
  said = network.apply(network.init(jax.random.key(1), z, given, False), z, given, False)
  np.testing.assert_allclose(said.y, 0.05 * z, rtol=1e-5)
  np.testing.assert_allclose(said.log_scales, np.log(0.05), rtol=1e-6)
