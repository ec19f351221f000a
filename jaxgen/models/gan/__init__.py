"""Generative adversarial networks: one architecture per file."""
