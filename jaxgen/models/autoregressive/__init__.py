"""Autoregressive models: one architecture per file."""
