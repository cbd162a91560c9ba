"""Perturbations that live in a scene: patches that are put into images at any place."""

import typing

from tfadv.registry import lazy_names

if typing.TYPE_CHECKING:
    from tfadv.physical.lavan import LaVAN as LaVAN
    from tfadv.physical.lavan import paste as paste
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, "tfadv.physical.lavan:LaVAN", "tfadv.physical.lavan:paste")
