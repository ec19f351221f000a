"""What K draws of the latents cost a step of training: arithmetic and memory of programs that are compiled, not run."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax
from ml_collections import ConfigDict

from jaxgen import beginning, config_files, data, experiment, fields, optim, parallel, programs
from jaxgen.families.vae import LIKELIHOODS
from jaxgen.models.vae.vae_mlp import Decoder, Encoder
from jaxgen.versions import versions

CONFIG = 'iwae_binary_mnist'
DRAWS = (1, 5, 50)


def config_of(draws: int, remat: bool) -> ConfigDict:
  """`CONFIG` with as many draws in training."""
  config = config_files.load(CONFIG)
  config.model.training_samples, config.remat = draws, remat
  return data.resolve(experiment.completed(config))


def of_step(draws: int) -> dict[str, Any]:
  """Of one step with K = `draws`: FLOPs, as XLA counts them before it optimizes, and temporary bytes of the compiled
  program, with and without `config.remat`; and the FLOPs of what it is made of, each alone."""
  parts = of_parts(config_of(draws, False))
  row: dict[str, Any] = {'config': CONFIG, 'draws': draws, 'parts': parts, 'versions': dict(versions())}
  for remat in (False, True):
    config = config_of(draws, remat)
    model = experiment.build_model(config)
    state = parallel.shapes(beginning.first_shapes(model, config), 'jit')
    batches = fields.blank(fields.of(config), 1, config.batch_size)
    step = parallel.data_parallel(model.update.apply, 'jit')
    flops = programs.flops(step, state, batches, None)  # first: what is compiled is traced no more
    memory: Any = step.compile(state, batches, None).memory_analysis()
    row['remat' if remat else 'plain'] = {'flops': flops, 'temporary_bytes': memory.temp_size_in_bytes}
  return row


def of_parts(config: ConfigDict) -> dict[str, float]:
  """FLOPs for one batch: of the encoder and of the decoder with its likelihood, forward and backward, and of the
  optimizer with the average of the weights."""
  model, x = config.model, fields.of(config)['x']
  likelihood = LIKELIHOODS[model.likelihood](x, model.likelihood_scale)
  encoder = Encoder(tuple(model.hidden), model.latent_dim)
  decoder = Decoder(tuple(model.hidden), x.shape, likelihood.num_outputs)
  key, seen = jax.random.key(0), jnp.zeros((config.batch_size, *x.shape))
  z, target = jnp.zeros((config.batch_size, model.latent_dim)), seen.astype(jnp.uint8)

  def up(params):
    outputs: Any = encoder.apply(params, seen, {}, train=True)
    return sum(part.sum() for part in outputs)

  def down(params, z):
    outputs = decoder.apply(params, z, {}, train=True)
    return likelihood.nll(key, outputs, target).sum()

  of_encoder = jax.eval_shape(lambda: encoder.init(key, seen, {}, train=True))
  of_decoder = jax.eval_shape(lambda: decoder.init(key, z, {}, train=True))
  tx, params = optim.make(config.optimizer, config.num_steps), (of_encoder, of_decoder)

  def moved(gradients, opt, params, average):
    updates, opt = tx.update(gradients, opt, params)
    params = optax.apply_updates(params, updates)
    return opt, params, optax.incremental_update(params, average, 1 - config.ema_decay)

  return {
    'encoder': programs.flops(jax.grad(up), of_encoder),
    'decoder': programs.flops(jax.grad(down, argnums=(0, 1)), of_decoder, z),
    'optimizer': programs.flops(moved, params, jax.eval_shape(tx.init, params), params, params),
  }


def expected(row: Mapping[str, Any]) -> float:
  """FLOPs of K decoders and one encoder, and of the optimizer."""
  parts = row['parts']
  return row['draws'] * parts['decoder'] + parts['encoder'] + parts['optimizer']
