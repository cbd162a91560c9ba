"""Data sets by name, image folders, `.npz` files, and the pipelines that feed them.

`datasets.load` opens them all. A new data set is one line here, and one value in `prepared.py` if TFDS
has it or else one file beside `embedded.py`.
"""

import typing

from tfadv.registry import Registry, lazy_names

DATASETS = Registry(
    "dataset",
    {
        "digits": "tfadv.data.embedded:DIGITS",
        "mnist": "tfadv.data.prepared:MNIST",
        "fashion_mnist": "tfadv.data.debian:FASHION_MNIST",
        "cifar10": "tfadv.data.prepared:CIFAR10",
    },
)

AUGMENTATIONS = Registry(
    "augmentation",
    {
        "none": "tfadv.data.augment:none",
        "crop_flip": "tfadv.data.augment:crop_flip",
        "cutout": "tfadv.data.augment:cutout",
        "mixup": "tfadv.data.augment:mixup",
    },
)

if typing.TYPE_CHECKING:
    from tfadv.data.datasets import describe as describe
    from tfadv.data.datasets import load as load
    from tfadv.data.datasets import prepare as prepare
    from tfadv.data.debian import FASHION_MNIST as FASHION_MNIST
    from tfadv.data.embedded import DIGITS as DIGITS
    from tfadv.data.prepared import CIFAR10 as CIFAR10
    from tfadv.data.prepared import MNIST as MNIST
    from tfadv.data.split import Dataset as Dataset
    from tfadv.data.split import Split as Split
else:
    __getattr__, __dir__, __all__ = lazy_names(
        __name__,
        DATASETS,
        "tfadv.data.datasets:load",
        "tfadv.data.datasets:prepare",
        "tfadv.data.datasets:describe",
        "tfadv.data.split:Dataset",
        "tfadv.data.split:Split",
    )
