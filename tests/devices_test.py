"""Every mode on every number of devices, each on runs that were trained on another number of them."""

import pytest

from jaxgen.metrics import results
from tests.conftest import ROOT

# One process per number of devices: it measures the run that it finds, goes on with it, and does what else there is.
_SCRIPT = """
import sys
from pathlib import Path
from jaxgen import evaluate, plan, train, uses
from tests.tiny_config import get_config

plan._TIMED_SECONDS = 0.01
steps = int(sys.argv[2])
for parallel in sys.argv[3:]:
  workdir = Path(sys.argv[1]) / parallel
  config = get_config('smoke')
  config.update(dict(parallel=parallel, num_steps=steps, eval_every=4, sample_every=4, keep_checkpoints=1))
  config.evaluation.metrics = ('bits_per_dim',)
  if workdir.exists():
    evaluate.evaluate(workdir, config)
  train.train(config, workdir)
  evaluate.evaluate(workdir, config)
  uses.use(workdir, config, uses.Options(num=5))
plan.plan(config)
"""


@pytest.mark.slow
def test_every_mode_runs_on_every_number_of_devices(run_python, tmp_path):
  backends, numbers = ('pmap', 'shard_map', 'fsdp'), (1, 4, 2, 1)
  script = tmp_path / 'script.py'
  script.write_text(_SCRIPT)
  ends = [4 * (index + 1) for index in range(len(numbers))]
  for devices, steps in zip(numbers, ends, strict=True):
    done = run_python(script, tmp_path, steps, *backends, devices=devices, env={'PYTHONPATH': str(ROOT)})
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-6000:]
  for parallel in backends:
    found = {}
    for record in results.read(tmp_path / parallel / 'results.jsonl'):
      found.setdefault(record.step, []).append(record.value)
    assert list(found) == ends
    for step in ends[:-1]:  # by the devices that trained, and by those that went on
      one, other = found[step]
      assert one == pytest.approx(other, rel=1e-5)
