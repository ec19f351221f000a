"""Variational autoencoders, GANs, normalizing flows, autoregressive and score models in one JAX code base."""

__version__ = '0.1.0'
