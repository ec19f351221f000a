import numpy as np

from jaxgen import show


def drawn(panels, columns=3):
  return show.arrows(panels, 2.0, columns)


def panel(turned=0.0, ground=None):
  """Arrows of one direction, all of them of one length."""
  field = np.broadcast_to([np.cos(turned), np.sin(turned)], (9, 9, 2))
  return show.Panel('σ = 1', np.zeros((32, 32)) if ground is None else ground, field)


def test_places_begin_at_the_top_left_and_keep_half_a_cell_from_the_edge():
  where = show.places(2.0, 4)
  np.testing.assert_allclose(where[0, 0], [-1.5, 1.5])
  np.testing.assert_allclose(where[0, -1], [1.5, 1.5])
  np.testing.assert_allclose(where[-1, 0], [-1.5, -1.5])


def test_a_ground_is_dark_where_the_density_is():
  ground = np.zeros((32, 32))
  ground[:16, 16:] = 1  # the upper right quarter
  still = show.Panel('', ground, np.zeros((9, 9, 2)))
  blue = drawn([still])[30:, :, 2].astype(float)  # beneath the title
  height, width = blue.shape
  dark = np.argwhere(blue < blue.max() / 2)
  assert (dark[:, 0] < 0.55 * height).mean() > 0.9 and (dark[:, 1] > 0.45 * width).mean() > 0.9


def test_arrows_have_a_direction_and_those_of_nothing_are_none():
  assert (drawn([panel()]) != drawn([panel(np.pi)])).any()
  assert (drawn([panel()]) != drawn([panel(np.pi / 2)])).any()
  np.testing.assert_array_equal(drawn([panel()]), drawn([panel()._replace(arrows=5 * panel().arrows)]))
  still = panel()._replace(arrows=np.zeros((9, 9, 2)))
  assert (drawn([still])[30:-8, 8:-8] == drawn([still])[60, 60]).mean() > 0.95  # but for the frame


def test_panels_stand_in_rows():
  one, four = drawn([panel()]), drawn([panel()] * 4)
  assert four.shape == (2 * one.shape[0], 3 * one.shape[1], 3)
