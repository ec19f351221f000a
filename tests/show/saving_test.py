import numpy as np
from PIL import Image

from jaxgen import show


def test_pngs_become_a_gif(tmp_path):
  for step in (1, 2, 3):
    show.save_png(np.full((8, 8, 3), 60 * step, np.uint8), tmp_path / f'raw_{step:03d}.png')
  show.gif_of_pngs('raw_*.png', tmp_path, tmp_path / 'all.gif')
  with Image.open(tmp_path / 'all.gif') as gif:
    assert gif.n_frames == 3
  assert not list(tmp_path.glob('*.part'))


def test_smaller_frames_of_a_gif_have_a_white_margin(tmp_path):
  show.save_gif([np.zeros((8, 8, 3), np.uint8), np.zeros((5, 6, 3), np.uint8)], tmp_path / 'all.gif')
  with Image.open(tmp_path / 'all.gif') as gif:
    gif.seek(1)
    last = np.asarray(gif.convert('L'))
  assert (
    last.shape == (8, 8)
    and (last[:5, :6] == 0).all()
    and (last[5:] == 255).all()
    and (last[:, 6:] == 255).all()
  )


def test_a_list_is_one_panel_of_as_many_lines(tmp_path, monkeypatch):
  from matplotlib.axes import Axes

  drawn, plot = [], Axes.plot
  monkeypatch.setattr(Axes, 'plot', lambda *args, **kw: drawn.append(plot(*args, **kw)) or drawn[-1])
  rows = [{'step': s, 'split': 'test', 'kl_per_latent': [1.0 * s, 0.5, None]} for s in range(2)]
  show.curves(rows, tmp_path / 'curves.png')
  ((first, second, third),) = drawn
  assert [list(line.get_ydata()) for line in (first, second)] == [[0.0, 1.0], [0.5, 0.5]]
  assert np.isnan(third.get_ydata(orig=False)).all()
  assert first.get_label() == 'test' and second.get_label().startswith('_')  # which a legend leaves out


def test_curves_have_a_panel_for_each_metric(tmp_path):
  rows = [{'step': s, 'split': 'train', 'loss': 1 / (s + 1), 'kl': float(s)} for s in range(4)]
  show.curves(rows + [{'step': 2, 'split': 'test', 'weights': 'raw', 'loss': 0.5}], tmp_path / 'curves.png')
  with Image.open(tmp_path / 'curves.png') as image:
    wide = image.width
  show.curves([{'step': 1, 'split': 'train', 'loss': 1.0}], tmp_path / 'one.png')
  with Image.open(tmp_path / 'one.png') as image:
    assert image.width < wide
