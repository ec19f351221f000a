"""What the host costs: a whole run, with its log and its checkpoints, against its jitted step alone."""

import contextlib
import importlib.metadata
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from experiments.speed import worker
from experiments.speed.cases import CASES, settings

CONFIGS = ('vae_digits', 'glow_digits', 'gan_digits', 'ncsn_digits', 'pixelcnn_digits')

STEPS = 1000


def measure(name: str, rounds: int) -> dict:
  """Seconds per step of both, medians over rounds in which they take turns."""
  config = settings(CASES[name])
  del config.data.fields
  # Evaluation and pictures are work of their own, and are not timed.
  config.update(dict(eval_every=0, sample_every=0, num_steps=STEPS, checkpoint_every=STEPS // 4))
  with worker.Worker(sys.executable, __name__) as process:
    process.ask(do='prepare', config=config.to_dict())
    times = [process.ask(do='turn') for _ in range(rounds)]
  return {part: statistics.median(t[part] for t in times) for part in times[0]}


class _Side:
  def prepare(self, config):
    from jaxgen import process

    process.set_up()
    from ml_collections import ConfigDict

    from jaxgen import data, parallel, train
    from jaxgen.loop import preparation

    self._train = train
    self._config = data.resolve(ConfigDict(config))
    setting = preparation.prepare(self._config, Path())
    self._state = preparation.first_state(setting)
    self._resident = setting.resident
    self._step = parallel.data_parallel(setting.model.update.apply, setting.backend)
    self._batches = [d.batches for d in preparation.dispatches(setting, 0, self._config.num_steps)]
    self._bare(self._batches[:2])
    return importlib.metadata.version('jax')

  def turn(self):
    """The bare step over all batches of a run; then the run."""
    return {'bare': self._bare(self._batches) / self._config.num_steps, 'run': self._run()}

  def _bare(self, batches):
    import jax

    start = time.perf_counter()
    for batch in batches:
      self._state, metrics = self._step(self._state, batch, self._resident)
      jax.block_until_ready(metrics)
    jax.block_until_ready(self._state)
    return time.perf_counter() - start

  def _run(self):
    with tempfile.TemporaryDirectory() as workdir, open(os.devnull, 'w') as nowhere:
      with contextlib.redirect_stdout(nowhere):
        self._train.train(self._config, workdir)
      rows = [json.loads(line) for line in (Path(workdir) / 'metrics.jsonl').read_text().splitlines()]
    rows = [row for row in rows if row['split'] == 'train']
    steps = [row['step'] - before for row, before in zip(rows, [0, *(r['step'] for r in rows)], strict=False)]
    timed = [
      (n, row['steps_per_second']) for n, row in zip(steps, rows, strict=True) if row.get('steps_per_second')
    ]
    return sum(n / rate for n, rate in timed) / sum(n for n, _ in timed)


if __name__ == '__main__':
  side = _Side()
  worker.serve(prepare=side.prepare, turn=side.turn)
