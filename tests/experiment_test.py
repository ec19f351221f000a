from jaxgen import types

SCRIPT = """
from configs.vae_digits import get_config
from jaxgen import beginning, data, experiment

config = data.resolve(get_config('smoke'))
print(beginning.first_shapes(experiment.build_model(config), config).step)
"""


def test_shapes_are_found_under_the_flags_that_a_user_has(run_python):
  # the tests' own flags would have nothing compiled with options of its own
  assert 'ShapeDtypeStruct(shape=(), dtype=int32' in run_python('-c', SCRIPT, env={'XLA_FLAGS': ''}).stdout


def test_models_with_knobs_are_keys_of_caches():
  model = types.GenerativeModel(len, types.Update(len, len), len, len, 'loss = 0', knobs={'temperature': 1.0})
  assert {model: 'found'}[model._replace()] == 'found'
