"""Near-equal parameters, with the real widths: the end-to-end test replaces them for as long as its module runs."""

from experiments.microscope import families
from experiments.microscope.settings import Settings


def test_widths_bring_the_families_together(tmp_path):
  settings = Settings('digits', 0, 1.0, 3, 60_000, 1000, 1500, tmp_path)
  sizes = {
    name: sum(families.width_for(name, settings)[1].values()) for name in ('vae', 'gan', 'autoregressive')
  }
  assert all(0.8 < size / 60_000 < 1.25 for size in sizes.values())
