"""The report as one page that needs nothing but itself: pictures are data URIs, charts inline SVG, colours its own."""

import html
from collections.abc import Mapping, Sequence
from pathlib import Path

from experiments.microscope import charts, table, verdict
from experiments.microscope.families import FAMILIES
from experiments.microscope.table import Row

_BADGES = {verdict.HOLDS: 'yes', verdict.FAILS: 'no', verdict.OPEN: 'open', verdict.MISSING: 'missing'}
_ARROWS = {
  better: f' <span class="arrow" title="{better} is better">{arrow}</span>'
  for better, arrow in (('lower', '↓'), ('higher', '↑'))
}


def render(
  title: str,
  facts: Sequence[str],
  walls: Sequence[Mapping],
  data_wall: str,
  curves: Sequence[Mapping],
  of_curves: str,
  rows: Sequence[Row],
  failures: Sequence[str],
  claims: Sequence[Mapping],
  protocol: Sequence[str],
) -> str:
  """The whole page.

  Args:
    title: of the page.
    facts: what was done, one phrase each.
    walls: `{'title', 'walls': {family: {'uri', 'seconds'}}}` for each moment.
    data_wall: of the training data.
    curves: charts.
    of_curves: what a reader has to know of them.
    rows: of the table.
    failures: what went wrong.
    claims: of `claims.judge`.
    protocol: how it was measured, a paragraph each.
  """
  style = (Path(__file__).parent / 'page.css').read_text()
  return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{html.escape(title)}</title>
<style>{style}</style>
</head>
<body>
<header><h1>{html.escape(title)}</h1><ul class="facts">{_items(facts)}</ul>{_navigation()}</header>
<main>
<section id="walls"><h2>Samples at the same moments of training</h2>{_walls(walls, data_wall)}</section>
<section id="curves"><h2>Over the seconds of training</h2>
<p>{html.escape(of_curves)}</p>
<div class="grid2">{''.join(f'<div class="chart">{charts.draw(chart)}</div>' for chart in curves)}</div></section>
<section id="table"><h2>The table</h2>{_table(rows)}{_failures(failures)}</section>
<section id="claims"><h2>The claims</h2>{_summary(claims)}
<div class="claims">{''.join(map(_claim, claims))}</div></section>
<section id="protocol"><h2>How it was measured</h2>{''.join(f'<p>{html.escape(p)}</p>' for p in protocol)}</section>
</main>
</body>
</html>
"""


def _navigation():
  links = {
    'walls': 'samples',
    'curves': 'curves',
    'table': 'table',
    'claims': 'claims',
    'protocol': 'protocol',
  }
  return '<nav>' + ''.join(f'<a href="#{key}">{text}</a>' for key, text in links.items()) + '</nav>'


def _items(texts):
  return ''.join(f'<li>{html.escape(text)}</li>' for text in texts)


def _walls(moments, data_wall):
  heads = ''.join(f'<span class="f-{f}">{row.title}</span>' for f, row in FAMILIES.items())
  parts = [f'<div class="wall-row heads" aria-hidden="true"><span></span>{heads}</div>']
  for moment in moments:
    cells = ''.join(
      _wall(row.title, moment['walls'][f])
      if moment['walls'].get(f)
      else '<figure class="missing">failed</figure>'
      for f, row in FAMILIES.items()
    )
    parts.append(f'<div class="wall-row"><h3>{html.escape(moment["title"])}</h3>{cells}</div>')
  image = f'<img class="wall" src="{html.escape(data_wall)}" alt="training data">'
  parts.append(f'<div class="wall-row data"><h3>training data</h3><figure>{image}</figure></div>')
  return ''.join(parts)


def _wall(family, wall):
  title = f'<b>{family}, </b>after {html.escape(wall["seconds"])}'
  image = f'<img class="wall" src="{html.escape(wall["uri"])}" alt="{family}, after {html.escape(wall["seconds"])}">'
  return f'<figure>{image}<figcaption>{title}</figcaption></figure>'


def _table(rows):
  head = ''.join(f'<th scope="col" class="f-{f}">{row.title}</th>' for f, row in FAMILIES.items())
  body, group = [], ''
  for row in rows:
    if row.group != group:
      group = row.group
      body.append(
        f'<tr class="group"><th scope="rowgroup" colspan="{len(FAMILIES) + 2}">'
        f'<span>{html.escape(group)}</span></th></tr>'
      )
    cells = ''.join(
      f'<td class="{"best" if f in row.best else ""}">{_cell(row.cells.get(f, ""))}</td>' for f in FAMILIES
    )
    unit = f'<small>{html.escape(row.unit)}</small>' if row.unit else ''
    name = f'{html.escape(row.name)}{_ARROWS.get(row.better, "")}{unit}'
    body.append(f'<tr><th scope="row">{name}</th>{cells}<td class="floor">{_cell(row.data)}</td></tr>')
  return (
    '<div class="scroll" tabindex="0"><table><thead><tr><th></th>'
    f'{head}<th scope="col">{table.DATA}</th></tr></thead><tbody>{"".join(body)}</tbody></table></div>'
  )


def _cell(text):
  """The mean, and what follows it small."""
  mean, _, rest = text.partition(' ')
  return html.escape(mean) + (f' <small>{html.escape(rest)}</small>' if rest else '')


def _failures(failures):
  return f'<ul class="failures">{_items(failures)}</ul>' if failures else ''


def _summary(claims):
  counts = {kind: sum(claim['verdict'] == kind for claim in claims) for kind in _BADGES}
  tally = ', '.join(f'{count} {_plural(kind, count)}' for kind, count in counts.items() if count)
  items = ''.join(
    f'<li><a href="#claim-{html.escape(c["name"])}">{html.escape(c["sentence"])}</a> {_badge(c["verdict"])}</li>'
    for c in claims
  )
  return (
    f'<p>{len(claims)} sentences: {tally}. {html.escape(verdict.RULE)}</p><ol class="summary">{items}</ol>'
  )


def _plural(kind, count):
  return {verdict.HOLDS: 'hold', verdict.FAILS: 'do not hold'}.get(kind, kind) if count > 1 else kind


def _badge(kind):
  return f'<span class="badge {_BADGES[kind]}">{html.escape(kind)}</span>'


def _claim(claim):
  figures = ''.join(f'<div class="chart">{charts.draw(figure)}</div>' for figure in claim['figures'])
  tests = ''.join(f'<li>{_test(test)}</li>' for test in claim['tests'])
  note = f'<p class="note">{html.escape(claim["note"])}</p>' if claim['note'] else ''
  return (
    f'<article id="claim-{html.escape(claim["name"])}">'
    f'<h3>{html.escape(claim["sentence"])} {_badge(claim["verdict"])}</h3>'
    f'<ul class="tests">{tests}</ul><div class="figures">{figures}</div>'
    f'<p class="how">{html.escape(claim["how"])}</p>{note}</article>'
  )


def _test(test):
  values = [value for value in test['values'] if value is not None]
  number = verdict.spread(values) if values else '?'
  return (
    f'<b>{html.escape(number)}</b> {html.escape(test["name"])} <small>n = {len(values)}; has to be above '
    f'{test["bound"]:g}: {html.escape(test["verdict"])}</small>'
  )
