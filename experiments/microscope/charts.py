"""Charts as inline SVG: they scale with the page, follow its light or dark colours, and need no library to be read.

A chart is a dict. 'lines': `series` of `{name, family, points, low, high, labels}`; 'cloud': the same without lines;
'dots': `rows` of `{name, family, values}`, one dot a seed and a bar at the mean; 'scatter': `panels` of points in the
plane; 'images': `panels` of data URIs.
"""

import html
import math
from collections.abc import Mapping, Sequence

WIDTH, HEIGHT = 420, 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 54, 10, 10, 40
_PALETTE = ('c0', 'c1', 'c2', 'c3', 'c4')


def draw(chart: Mapping) -> str:
  """The HTML of a chart."""
  return _KINDS[chart['kind']](chart)


def _lines(chart):
  return _plot(chart, connect=True)


def _cloud(chart):
  return _plot(chart, connect=False)


def _plot(chart, connect):
  series = [s for s in chart['series'] if s['points']]
  if not series:
    return '<p class="missing">Nothing was measured.</p>'
  xs = [x for s in series for x, _ in s['points']]
  ys = [y for s in series for _, y in s['points']] + [rule['y'] for rule in chart.get('rules', [])]
  ys += [y for s in series for y in (*s.get('low', ()), *s.get('high', ()))]
  x_axis = Axis(xs, _LEFT, WIDTH - _RIGHT, chart.get('log_x', False))
  y_axis = Axis(ys, HEIGHT - _BOTTOM, _TOP, chart.get('log_y', False))
  body = _frame(x_axis, y_axis, chart['x'], chart['y'])
  for rule in chart.get('rules', []):
    y = y_axis(rule['y'])
    body.append(f'<line class="rule" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
  for index, s in enumerate(series):
    body += _series(s, x_axis, y_axis, colour(s, index), connect)
  named = [(s['name'], colour(s, i)) for i, s in enumerate(series) if s['name']]
  named += [(rule['name'], 'dashes') for rule in chart.get('rules', [])]  # in the plot, lines would cross it
  return _legend(named) + _svg(body, f'{chart["y"]} against {chart["x"]}')


def _series(s, x_axis, y_axis, tint, connect):
  points = [(x_axis(x), y_axis(y)) for x, y in s['points']]
  parts = []
  if s.get('low') and connect:
    upper = [(x_axis(x), y_axis(y)) for (x, _), y in zip(s['points'], s['high'], strict=True)]
    lower = [(x_axis(x), y_axis(y)) for (x, _), y in zip(s['points'], s['low'], strict=True)]
    parts.append(f'<polygon class="band {tint}" points="{_path(upper + lower[::-1])}"/>')
  if connect:
    parts.append(f'<polyline class="line {tint}" points="{_path(points)}"/>')
  parts += [f'<circle class="dot {tint}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in points]
  for (x, y), text in zip(points, s.get('labels', []), strict=False):
    side, shift = ('end', -7) if x > WIDTH - 60 else ('start', 7)
    parts.append(
      f'<text class="tag" x="{x + shift:.1f}" y="{y - 6:.1f}" text-anchor="{side}">{html.escape(text)}</text>'
    )
  return parts


def _dots(chart):
  rows, step = chart['rows'], 30
  height = _TOP + step * len(rows) + _BOTTOM
  values = [v for row in rows for v in row['values'] if v is not None]
  rule = chart.get('rule')
  left = 30 + 6.2 * max(len(row['name']) for row in rows)
  if not values:
    return '<p class="missing">Nothing was measured.</p>'
  axis = Axis(values + ([rule['x']] if rule else []), left, WIDTH - 16, False)
  body = []
  for tick, text in axis.ticks():
    body.append(
      f'<line class="grid" x1="{axis(tick):.1f}" x2="{axis(tick):.1f}" y1="{_TOP}" y2="{height - _BOTTOM}"/>'
    )
    body.append(f'<text x="{axis(tick):.1f}" y="{height - _BOTTOM + 15}" text-anchor="middle">{text}</text>')
  middle = (left + WIDTH) / 2
  body.append(
    f'<text class="label" x="{middle:.0f}" y="{height - 6}" text-anchor="middle">{html.escape(chart["x"])}</text>'
  )
  if rule:
    x = axis(rule['x'])
    body.append(f'<line class="rule" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{height - _BOTTOM}"/>')
    side = 'end' if x > middle else 'start'
    shift = -4 if side == 'end' else 4
    body.append(
      f'<text class="tag" x="{x + shift:.1f}" y="{_TOP + 8}" '
      f'text-anchor="{side}">{html.escape(rule["name"])}</text>'
    )
  for index, row in enumerate(rows):
    y, tint = _TOP + step * (index + 0.5), colour(row, index)
    body.append(
      f'<text x="{left - 12:.0f}" y="{y + 4:.1f}" text-anchor="end">{html.escape(row["name"])}</text>'
    )
    there = [v for v in row['values'] if v is not None]
    if there:
      mean = axis(sum(there) / len(there))
      body.append(f'<line class="mean {tint}" x1="{mean:.1f}" x2="{mean:.1f}" y1="{y - 9}" y2="{y + 9}"/>')
    body += [f'<circle class="dot {tint}" cx="{axis(v):.1f}" cy="{y:.1f}" r="4"/>' for v in there]
  return _svg(body, chart['x'], height)


def _scatter(chart):
  limit, size = chart['limit'], 200
  panels = []
  for panel in chart['panels']:
    dots = [
      f'<circle class="speck" cx="{(x / limit + 1) * size / 2:.1f}" cy="{(1 - y / limit) * size / 2:.1f}" '
      'r="1.3"/>'
      for x, y in panel['points']
      if max(abs(x), abs(y)) < limit
    ]
    title = html.escape(panel['name'])
    frame = f'<rect class="frame" width="{size}" height="{size}"/>'
    svg = f'<svg viewBox="0 0 {size} {size}" role="img" aria-label="{title}">{frame}{"".join(dots)}</svg>'
    panels.append(f'<figure>{svg}<figcaption>{title}</figcaption></figure>')
  return f'<div class="panels">{"".join(panels)}</div>'


def _images(chart):
  panels = [
    f'<figure><img class="wall" src="{html.escape(p["uri"])}" alt="samples: {html.escape(p["name"])}">'
    f'<figcaption>{html.escape(p["name"])}</figcaption></figure>'
    for p in chart['panels']
  ]
  return f'<div class="panels">{"".join(panels)}</div>' if panels else ''


_KINDS = {'lines': _lines, 'cloud': _cloud, 'dots': _dots, 'scatter': _scatter, 'images': _images}


def colour(entry: Mapping, index: int) -> str:
  """The class of a family's colour, or that of a place in the list."""
  return f'f-{entry["family"]}' if entry.get('family') else _PALETTE[index % len(_PALETTE)]


class Axis:
  """From values to places on the page."""

  def __init__(self, values: Sequence[float], start: float, end: float, log: bool):
    """From the smallest to the largest value, and a little more."""
    values = [v for v in values if v is not None and math.isfinite(v) and (v > 0 or not log)] or [1.0]
    self._log = log
    low, high = self._scale(min(values)), self._scale(max(values))
    margin = 0.06 * (high - low) or 0.1 * abs(high) or 1.0
    self._low, self._high, self._start, self._end = low - margin, high + margin, start, end

  def __call__(self, value: float) -> float:
    share = (self._scale(value) - self._low) / (self._high - self._low)
    return self._start + min(max(share, 0.0), 1.0) * (self._end - self._start)

  def ticks(self) -> list[tuple[float, str]]:
    """A handful of round values, and their texts."""
    values = self._log_ticks() if self._log else _round_values(self._low, self._high)
    return [(value, _round_text(value)) for value in values]

  def _scale(self, value):
    return math.log10(max(value, 1e-12)) if self._log else value

  def _log_ticks(self):
    decades = range(math.floor(self._low), math.ceil(self._high) + 1)
    for mantissas in ((1,), (1, 3), (1, 2, 5)):
      found = [m * 10.0**d for d in decades for m in mantissas]
      found = [value for value in found if self._low <= math.log10(value) <= self._high]
      if len(found) >= 3:
        return found
    return _round_values(10**self._low, 10**self._high)


def _round_values(low, high):
  span = high - low
  step = 10 ** math.floor(math.log10(span / 4))
  step *= next(m for m in (1, 2, 5, 10) if span / (step * m) <= 5)
  return [i * step for i in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _frame(x_axis, y_axis, x_label, y_label):
  bottom, right = HEIGHT - _BOTTOM, WIDTH - _RIGHT
  parts = []
  for tick, text in y_axis.ticks():
    y = y_axis(tick)
    parts.append(f'<line class="grid" x1="{_LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
    parts.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{text}</text>')
  for tick, text in x_axis.ticks():
    parts.append(f'<text x="{x_axis(tick):.1f}" y="{bottom + 15}" text-anchor="middle">{text}</text>')
  parts.append(f'<line class="axis" x1="{_LEFT}" x2="{right}" y1="{bottom}" y2="{bottom}"/>')
  middle = (_LEFT + right) / 2
  parts.append(
    f'<text class="label" x="{middle}" y="{HEIGHT - 6}" text-anchor="middle">{html.escape(x_label)}</text>'
  )
  turn = f'translate(11,{(bottom + _TOP) / 2:.0f}) rotate(-90)'
  parts.append(f'<text class="label" transform="{turn}" text-anchor="middle">{html.escape(y_label)}</text>')
  return parts


def _svg(body, title, height=HEIGHT):
  return (
    f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{html.escape(title)}">{"".join(body)}</svg>'
  )


def _legend(named):
  items = ''.join(f'<span><i class="{tint}"></i>{html.escape(name)}</span>' for name, tint in named)
  return f'<div class="legend">{items}</div>' if items else ''


def _path(points):
  return ' '.join(f'{x:.1f},{y:.1f}' for x, y in points)


def _round_text(value):
  if value == 0:
    return '0'
  if abs(value) >= 10_000:
    return f'{value / 1000:,.0f}k'
  return f'{value:.4g}'.replace('-', '−')
