import numpy as np
import pytest
from clu.metrics import Average

from jaxgen.loop.window import NotFinite, Window


def averages(**terms):
  return {
    name: Average(total=np.array(total, float), count=np.array(count, float))
    for name, (total, count) in terms.items()
  }


def test_means_are_over_examples_not_over_steps():
  window = Window()
  window.add(0, averages(loss=([2.0, 9.0], [1.0, 3.0])))
  window.add(2, averages(loss=([1.0], [0.0])))
  assert window.means() == {'loss': 3.0}


def test_what_was_never_reported_is_left_out():
  window = Window()
  window.add(0, averages(loss=([1.0], [1.0]), rare=([0.0], [0.0])))
  assert window.means() == {'loss': 1.0}


def test_it_goes_on_from_its_json():
  one, two = Window(), Window()
  one.add(0, averages(loss=([1.0], [2.0])))
  two.add(0, averages(loss=([1.0], [2.0])))
  resumed = Window(one.to_json())
  for window in (resumed, two):
    window.add(1, averages(loss=([7.0], [2.0])))
  assert resumed.means() == two.means() == {'loss': 2.0}


def test_the_first_bad_step_and_its_terms_are_named():
  with pytest.raises(NotFinite, match='Not finite at step 41: kl, loss'):
    Window().add(
      40,
      averages(
        loss=([1, np.nan, np.nan], [1, 1, 1]), kl=([1, np.inf, 1], [1, 1, 1]), ok=([1, 1, np.nan], [1, 1, 1])
      ),
    )
