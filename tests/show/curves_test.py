from jaxgen.show.curves import _series


def test_panels_are_in_the_order_of_the_numbers_in_their_names():
  names = (
    'loss_sigma_157',
    'loss_sigma_9.49',
    'steps_per_second',
    'loss_sigma_1e+03',
    'loss_sigma_0.05',
    'loss',
  )
  rows = [{'step': 1, 'split': 'train', **dict.fromkeys(names, 1.0)}]
  levels = ['loss_sigma_0.05', 'loss_sigma_9.49', 'loss_sigma_157', 'loss_sigma_1e+03']
  assert list(_series(rows)) == ['loss', *levels, 'steps_per_second']
