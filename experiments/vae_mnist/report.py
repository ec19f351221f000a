"""The rows of all three parts as Markdown."""

from collections.abc import Mapping, Sequence
from typing import Any

from experiments.row_by_row import table_line
from experiments.vae_mnist.cost import expected
from experiments.vae_mnist.rate_distortion import best

# What is published of such a model: of training images that are drawn anew in every epoch, and of ones binarized once.
PUBLISHED = {
  'vae_binary_mnist': ('86.8', '89.8 (pythae, K = 200)'),
  'iwae_binary_mnist': ('85.5 (5 draws in training), 84.8 (50)', '87.6 (5), 87.1 (50); pythae 87.9, 86.8'),
  'ladder_mnist': ('81.7', '-'),
}
_SOURCES = (
  'Published: K = 5,000 where nothing else is said, networks trained for hundreds or thousands of epochs. 86.8, 85.5 '
  'and 84.8 are of Burda et al., "Importance weighted autoencoders" (2016, table 1, one layer of latents), and 81.7 of '
  'Sonderby et al., "Ladder variational autoencoders" (2016, five layers). 87.6 and 87.1 of images that were binarized '
  'once are of Burda et al. too, as the reproductions of pythae quote them, whose own numbers stand beside '
  '(huggingface.co/clementchadebec/reproduced_iwae and reproduced_vae). An autoencoder with an inverse autoregressive '
  'posterior and ResNets has 79.1 (Kingma et al. 2016); there is no config of it. A network that sees new draws of '
  'the pixels in every epoch cannot learn their noise, which is nats easier. Test images are drawn once and for all, '
  'here by another draw than theirs; training images once, or as often as said, an epoch with the next draw.'
)
_FLAT = 1.1  # times as many bytes at the largest K as at the smallest above 1: flat


def page(
  table: Sequence[Mapping[str, Any]],
  rate_distortion: Sequence[Mapping[str, Any]],
  cost: Sequence[Mapping[str, Any]],
) -> str:
  """All parts of which there are rows."""
  parts = [
    words(rows) for rows, words in ((table, bounds), (rate_distortion, trade), (cost, arithmetic)) if rows
  ]
  return '# Variational autoencoders\n\n' + '\n'.join(parts)


def bounds(rows: Sequence[Mapping[str, Any]]) -> str:
  """The bounds beside published ones, and what they depend on."""
  head = [
    'config', 'ELBO', 'bound of K draws', 'K = 5,000', 'published, drawn anew', 'published, binarized once',
    'parameters', 'steps of', 'draws of an image', 'CPU minutes', 'seed',
  ]  # fmt: skip
  lines = [table_line(head), table_line(['---', '---:', '---:', '---:', '---', '---', *['---:'] * 5])]
  for row in rows:
    gain, error = row['gain']['nats']
    cells = [
      f'`{row["config"]}`',
      _with_error(row['elbo']),
      f'{_with_error(row["bound"])} (K = {row["draws"]:,})',
      f'{row["bound"][0] - gain:.2f} (by {gain:.2f} ± {error:.2f} less)',
      *PUBLISHED[row['config']],
      f'{row["parameters"]:,}',
      f'{row["steps"]:,} x {row["batch_size"]}',
      f'{row["redrawn"]}',
      '-' if row['cpu_minutes'] is None else f'{row["cpu_minutes"]:.1f}',
      str(row['seed']),
    ]
    lines.append(table_line(cells))
  first = rows[0]
  return (
    '## Binarized MNIST, nats an image\n\n'
    + '\n'.join(lines)
    + f'\n\nNegative bounds on the log-mass of the first {first["images"]:,} test images by averaged weights, ± the '
    'standard error of a mean over images. The step from K to 5,000 draws is measured on the first '
    f'{first["gain"]["images"]:,} of them, image by image, and taken off. CPU minutes are of all cores, with start, '
    'compilation, evaluation and pictures, and none of a run that was there before.\n\n'
    f'{_SOURCES}\n\n'
    + ''.join(f'- `{row["command"]}`: {row["objective"]}\n' for row in rows)
    + f'\n{_curves(rows)}\n{_versions(first)}\n'
  )


def trade(rows: Sequence[Mapping[str, Any]]) -> str:
  """Rate and distortion of each beta."""
  rows = sorted(rows, key=lambda row: row['beta'])
  head = ['beta', 'rate', 'distortion', 'rate + distortion', 'on the training split']
  lines = [table_line(head), table_line(['---:'] * len(head))]
  for row in rows:
    numbers = [_with_error(row['test'][name]) for name in ('rate', 'distortion', 'sum')]
    lines.append(table_line([f'{row["beta"]:g}', *numbers, _with_error(row['train']['sum'])]))
  least, sizes = best(rows), {split: rows[0][split]['examples'] for split in ('train', 'test')}
  return (
    f'## Rate and distortion over beta: `{rows[0]["config"]}`, nats\n\n'
    + '\n'.join(lines)
    + f'\n\nThe rate is KL(q(z|x) || p(z)), the distortion -E log p(x|z) (Alemi et al., "Fixing a broken ELBO", 2018), '
    f'means ± standard errors over the {sizes["test"]:,} test and the {sizes["train"]:,} training images, each by its '
    f'one draw, averaged weights, {rows[0]["steps"]:,} steps, seed {rows[0]["seed"]}. Their sum is the negative ELBO, '
    f'least at beta = {least["beta"]:g}: {_with_error(least["test"]["sum"])}, the line in the picture; by how much '
    'another beta lies above it is what it pays for its other mixture of the two.\n\n'
    f'![distortion over rate](rate_distortion.png)\n\n{_versions(rows[0])}\n'
  )


def arithmetic(rows: Sequence[Mapping[str, Any]]) -> str:
  """FLOPs and memory of a step with K draws, and whether they are what they should be."""
  rows = sorted(rows, key=lambda row: row['draws'])
  head = ['K', 'a step', 'K decoders, one encoder, optimizer', 'ratio', 'with remat', 'memory', 'with remat']
  lines = [table_line(head), table_line(['---:'] * len(head))]
  for row in rows:
    plain, remat = row['plain'], row['remat']
    cells = [
      f'{row["draws"]}',
      _millions(plain['flops']),
      _millions(expected(row)),
      f'{plain["flops"] / expected(row):.3f}',
      _millions(remat['flops']),
      *(_mebibytes(each['temporary_bytes']) for each in (plain, remat)),
    ]
    lines.append(table_line(cells))
  parts = ', '.join(f'{name} {_millions(flops)}' for name, flops in rows[0]['parts'].items())
  return (
    f'## What K draws cost: a step of `{rows[0]["config"]}`\n\n'
    + '\n'.join(lines)
    + '\n\nMillions of floating-point operations of one step, as XLA counts them before it optimizes, and MiB of '
    'temporaries of the compiled program; nothing is timed. A decoder is one pass for a batch, forward and backward, '
    f'with its likelihood; alone: {parts}. {verdict(rows)}\n\n{_versions(rows[0])}\n'
  )


def verdict(rows: Sequence[Mapping[str, Any]]) -> str:
  """Whether a step is at most K decoders and one encoder, and whether memory is flat in K, in words."""
  ratios = {row['draws']: row['plain']['flops'] / expected(row) for row in rows}
  worst = max(ratios, key=lambda draws: ratios[draws])
  more = (
    f'No, more by {100 * (ratios[worst] - 1):.1f} % at K = {worst}: latents are drawn, and have densities'
  )
  holds = (
    f'Is a step at most K decoders, one encoder and the optimizer? {"Yes" if ratios[worst] <= 1 else more}.'
  )
  several = [row for row in rows if row['draws'] > 1]
  if len(several) < 2:
    return holds
  few, many = several[0], several[-1]
  ways = ('plain', 'remat')
  first, last = ({way: row[way]['temporary_bytes'] for way in ways} for row in (few, many))
  growth = {way: last[way] / first[way] for way in ways}
  a_draw = {way: (last[way] - first[way]) / (many['draws'] - few['draws']) / 2**20 for way in ways}
  flat = (
    'Yes' if growth['remat'] < _FLAT else 'No, the decoder is, and latents, their noise and densities are not'
  )
  return (
    f'{holds} Is memory flat in K with `config.remat`? {flat}: from K = {few["draws"]} to {many["draws"]} '
    f'it grows {growth["remat"]:.2f} times, by {a_draw["remat"]:.2f} MiB a draw; without, {growth["plain"]:.2f} times, '
    f'by {a_draw["plain"]:.2f} MiB.'
  )


def _curves(rows):
  """Over training, on the split that is held out."""
  said = (
    f'- `{row["run"]}`: '
    + ', '.join(f'{bound:.1f} ({elbo:.1f}) at {step:,}' for step, elbo, bound in row['curve'])
    for row in rows
    if row['curve']
  )
  return (
    'Bound (ELBO) on the validation split over the steps, K that of the config:\n\n' + '\n'.join(said) + '\n'
  )


def _versions(row):
  return ', '.join(f'{name} {version}' for name, version in row['versions'].items()) + '.'


def _with_error(pair):
  return f'{pair[0]:.2f} ± {pair[1]:.2f}'


def _millions(flops):
  return f'{flops / 1e6:,.1f}'


def _mebibytes(size):
  return f'{size / 2**20:,.1f}'
