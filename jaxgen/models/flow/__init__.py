"""Normalizing flows: one architecture per file."""
