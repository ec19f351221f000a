"""What a person looks at: examples by their kind, loss curves, and the files that hold them."""

from jaxgen.show.arrows import Panel, arrows, places
from jaxgen.show.curves import curves, relation
from jaxgen.show.images import grid, titled_row
from jaxgen.show.kinds import KINDS, About, Shown, compared, picture, save, with_gaps
from jaxgen.show.points import scatter
from jaxgen.show.saving import gif_of_pngs, save_gif, save_png
from jaxgen.show.text import Speller

__all__ = [
  'KINDS',
  'About',
  'Panel',
  'Shown',
  'Speller',
  'arrows',
  'compared',
  'curves',
  'gif_of_pngs',
  'grid',
  'picture',
  'places',
  'relation',
  'save',
  'save_gif',
  'save_png',
  'scatter',
  'titled_row',
  'with_gaps',
]
