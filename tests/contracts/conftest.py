import pytest


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
  """Tests of one `run` follow each other: pytest groups them by a parameter's place in the list of each test, and these
  lists differ, so that runs would be trained twice."""
  name = lambda item: getattr(item, 'callspec', None) and item.callspec.params.get('run')  # noqa: E731
  places = [place for place, item in enumerate(items) if name(item)]
  together = sorted((items[place] for place in places), key=name)
  for place, item in zip(places, together, strict=True):
    items[place] = item
