"""Variational autoencoders: one architecture per file."""
