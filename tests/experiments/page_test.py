"""The page of the microscope, given names that would be markup if nobody looked: of data sets, runs and claims."""

from html.parser import HTMLParser

from experiments.microscope import page, verdict
from experiments.microscope.families import FAMILIES
from experiments.microscope.table import Row

HOSTILE = """folder:/a"b'><script>alert(1)</script><img src=x onerror=alert(1)>&amp;"""


class Reader(HTMLParser):
  """Collects the tags, the attributes and the text of a page."""

  def __init__(self):
    super().__init__(convert_charrefs=True)
    self.tags, self.attributes, self.text = set(), [], []

  def handle_starttag(self, tag, attributes):
    self.tags.add(tag)
    self.attributes += attributes

  def handle_data(self, data):
    self.text.append(data)


def hostile_page():
  chart = {'kind': 'lines', 'x': HOSTILE, 'y': HOSTILE, 'rules': [{'name': HOSTILE, 'y': 1.0}]}
  chart['series'] = [{'name': HOSTILE, 'points': [(0, 1), (1, 2)], 'labels': [HOSTILE, HOSTILE]}]
  images = {'kind': 'images', 'panels': [{'uri': HOSTILE, 'name': HOSTILE}]}
  scatter = {'kind': 'scatter', 'limit': 1.0, 'panels': [{'name': HOSTILE, 'points': [(0, 0)]}]}
  test = {'name': HOSTILE, 'values': [1.0], 'bound': 0.0, 'verdict': HOSTILE}
  claim = {
    **dict.fromkeys(('name', 'sentence', 'how', 'note'), HOSTILE),
    'verdict': verdict.HOLDS,
    'tests': [test],
    'figures': [images, scatter],
  }
  row = Row(HOSTILE, HOSTILE, HOSTILE, dict.fromkeys(FAMILIES, HOSTILE), HOSTILE, 'lower', ())
  walls = [{'title': HOSTILE, 'walls': dict.fromkeys(FAMILIES, {'uri': HOSTILE, 'seconds': HOSTILE})}]
  return page.render(
    HOSTILE, [HOSTILE], walls, HOSTILE, [chart], HOSTILE, [row], [HOSTILE], [claim], [HOSTILE]
  )


def test_no_name_becomes_markup():
  reader = Reader()
  reader.feed(hostile_page())
  assert 'script' not in reader.tags
  assert not any(name.startswith('on') for name, _ in reader.attributes)
  sources = {value for name, value in reader.attributes if name == 'src'}
  assert sources == {HOSTILE}
  assert HOSTILE in ''.join(reader.text)
