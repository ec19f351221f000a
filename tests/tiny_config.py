from ml_collections import ConfigDict

from jaxgen.config import defaults, preset


def get_config(arg=''):
  config = defaults()
  config.module = 'tests.tiny_model'
  config.model = ConfigDict(dict(noise=0.1, nan_at=-1))
  config.num_steps = 200
  return preset(config, arg)
