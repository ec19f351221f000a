"""Losses: arrays in, one number per example out, f32[B], in nats where they are likelihoods. A module per family."""

from jaxgen.losses import autoregressive, distillation, flow, gan, quantization, score, vae

__all__ = ['autoregressive', 'distillation', 'flow', 'gan', 'quantization', 'score', 'vae']
