"""Finds the packages; everything else about the project stands in setup.cfg."""

from setuptools import find_packages, setup

# The folder is `cli`, the installed package `tfadv_cli`: a top-level module `cli` would collide with others.
setup(packages=[*find_packages(include=["tfadv", "tfadv.*"]), "tfadv_cli"], package_dir={"tfadv_cli": "cli"})
