"""What is timed: three flows, each as large in every package, and who has them."""

from typing import NamedTuple


class Size(NamedTuple):
  """A flow of vectors of `dims` numbers, or of images of `shape`.

  Attributes:
    dims: of a vector; 0 for images.
    depth: layers; of images, steps a level.
    hidden: widths of the hidden layers of each conditioner.
    shape: of an image.
    levels: how often an image is halved.
  """

  dims: int
  depth: int
  hidden: tuple[int, int] = (64, 64)
  shape: tuple[int, int, int] = (8, 8, 3)
  levels: int = 2


BINS, BOUND = 8, 3.0  # of a spline
BATCHES = (1, 64, 512, 4096)
DEPTHS = (4, 16, 64)
SIZES = {'spline': Size(8, 6), 'maf': Size(16, 5), 'glow': Size(0, 4, (32, 32))}
# jaxgen's maf goes back by a fixed point or by a scan, and is the same otherwise.
JAX = {
  'spline': ('jaxgen', 'flowjax', 'distrax'),
  'maf': ('jaxgen', 'jaxgen, scan', 'flowjax'),
  'glow': ('jaxgen',),
}
TORCH = {
  'spline': ('nflows', 'zuko', 'normflows'),
  'maf': ('nflows', 'zuko', 'normflows'),
  'glow': ('nflows', 'normflows'),
}
# Packages whose parameters are as many as jaxgen's. flowjax learns the derivatives at the ends of a spline, and distrax
# has parameters for them; a linear map of Glow keeps its triangles as matrices in one and as entries in another.
EQUAL = {
  'spline': ('nflows', 'zuko', 'normflows'),
  'maf': ('jaxgen, scan', 'nflows', 'zuko', 'normflows', 'flowjax'),
}
