from jaxgen.config import preset
from tests import tiny_config


def get_config(arg=''):
  config = tiny_config.get_config()
  config.module = 'tests.tiny_student'
  config.stages.teacher = 'runs/tiny_config'
  config.evaluation.metrics = ('bits_per_dim',)
  return preset(config, arg)
