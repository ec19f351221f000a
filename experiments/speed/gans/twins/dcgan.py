"""`jaxgen.models.gan.dcgan`, in PyTorch."""

from torch import nn

from experiments.speed.twins import gan


def networks(config: dict, layout) -> tuple[nn.Module, nn.Module]:
  """Generator and discriminator of a config."""
  model, shape = config['model'], config['data']['fields']['x']['shape']
  assert model['batch_norm'] and not model['spectral_norm']
  generator = gan.Generator(shape, model['latent_dim'], model['generator_width'], layout)
  return generator, gan.discriminator_of(shape, model['discriminator_width'])
