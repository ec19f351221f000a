"""The packages of a wheel: those of `jaxgen/`, and `configs/` as `jaxgen.configs`. The rest is in pyproject.toml."""

from setuptools import find_packages, setup

setup(
  packages=[*find_packages(include=['jaxgen*']), 'jaxgen.configs'], package_dir={'jaxgen.configs': 'configs'}
)
