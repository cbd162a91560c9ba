"""Data sets by name, image folders, `.npz` files, and the pipelines that feed them.

`datasets.load` opens them all. A new data set is one line here, and one value in `prepared.py` if TFDS
has it or else one file beside `embedded.py`.
"""

from tfadv.registry import Registry

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
    },
)
