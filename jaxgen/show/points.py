"""Points of the plane: a scatter plot, on the density they come from where that is known."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

_BIN = 3  # pixels a side


def scatter(
  x: np.ndarray,
  limits: float | None = None,
  density: Callable[[jax.Array], Any] | None = None,
  size: int = 480,
) -> np.ndarray:
  """Points by their first two coordinates (where there is one, on a line); uint8[size, size, 3].

  Args:
    x: f32[N, D].
    limits: the square `[-limits, limits]^2` is shown; by default that which holds all points.
    density: `f32[..., 2] -> f32[...]`, the exact log-density in nats, drawn as a warm ground beneath the points.
    size: pixels a side.
  """
  x = np.pad(x, [(0, 0), (0, max(0, 2 - x.shape[1]))])
  limits = limits or float(np.abs(x).max(initial=0)) * 1.05 or 1.0
  counts, _, _ = np.histogram2d(-x[:, 1], x[:, 0], bins=size // _BIN, range=[[-limits, limits]] * 2)
  full = max(1.0, np.quantile(counts[counts > 0], 0.95)) if counts.any() else 1.0
  points = np.clip(counts / full, 0, 1) ** 0.5
  ground = np.zeros_like(points) if density is None else _ground(density, limits, size // _BIN)
  # The ground takes blue and some green away, the points red and green: both are seen where they meet.
  light = np.stack([0 * ground, 0.25 * ground, 0.6 * ground], -1)
  dark = points[..., None] * np.array([1.0, 1.0, 60 / 255])
  shade = (1 - light) * (1 - dark) + 0.75 * light * dark * np.array([0.0, 0.0, 1.0])
  return np.rint(255 * np.clip(shade, 0, 1)).astype(np.uint8).repeat(_BIN, 0).repeat(_BIN, 1)


def _ground(density, limits, bins):
  """The density at the middle of each bin relative to its largest, f64[bins, bins], from the top left."""
  middles = (np.arange(bins) + 0.5) / bins * 2 * limits - limits
  places = np.stack(np.meshgrid(middles, middles[::-1]), -1).astype(np.float32)
  log_density = np.asarray(density(jnp.asarray(places)), np.float64)
  return np.exp(log_density - log_density.max()) ** 0.5
