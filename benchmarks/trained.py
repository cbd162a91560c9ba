"""The classifiers of the tables, trained once and kept: plain and adversarially trained, dense and convolutional.

    python benchmarks/trained.py [NAME ...]

Each takes between seconds and ten minutes on two cores; they are kept in benchmarks/trained/.
"""

import os
import sys
from pathlib import Path
from typing import NamedTuple

import keras
import tensorflow as tf

from tfadv import PGD, LInf, files, models
from tfadv.data import datasets
from tfadv.models import classifier
from tfadv.training import METHODS

FOLDER = Path(os.environ.get("TFADV_BENCHMARK_MODELS", Path(__file__).with_name("trained")))
BATCH = 128


class Recipe(NamedTuple):
    """How one is trained, and the threat models it is judged under.

    Attributes:
        phases: (epochs, learning rate, threat model of the adversarial training or None).
        steps: of PGD in training. images: so many of the training images, evenly spread.
        eps: of the timings, in l_inf.
    """

    dataset: str
    network: str
    phases: tuple
    eps: float
    steps: int = 10
    images: int | None = None


LADDER_MNIST = ((1, 1e-3, LInf(0.1)), (1, 1e-3, LInf(0.2)), (6, 1e-3, LInf(0.3)), (2, 2e-4, LInf(0.3)))
LADDER_CIFAR = (
    (2, 5e-4, None), (1, 5e-4, LInf(2 / 255)), (1, 5e-4, LInf(4 / 255)), (4, 5e-4, LInf(8 / 255)),
    (1, 1e-4, LInf(8 / 255)),
)  # fmt: skip
RECIPES = {
    "fashion_mlp": Recipe("fashion_mnist", "mlp", ((3, 1e-3, None),), eps=0.1),
    "mnist_cnn": Recipe("mnist", "cnn", ((3, 1e-3, None),), eps=0.3),
    # From the full budget at once it would learn nothing but to say one class.
    "mnist_cnn_pgd": Recipe("mnist", "cnn", LADDER_MNIST, eps=0.3),
    "mnist_cnn_maxpool": Recipe("mnist", "cnn_maxpool", ((3, 1e-3, None),), eps=0.3),
    "cifar_cnn": Recipe("cifar10", "cnn(filters=(32, 64))", ((6, 1e-3, None),), eps=2 / 255),
    "cifar_cnn_pgd": Recipe("cifar10", "cnn(filters=(32, 64))", LADDER_CIFAR, eps=8 / 255, steps=7, images=20_000),
    "cifar_resnet20": Recipe("cifar10", "resnet20", ((2, 2e-3, None),), eps=8 / 255, images=10_000),
}


def load(name, data_dir=None, recipes=RECIPES):
    """The classifier of that name, trained if it is not there yet, and its data set."""
    recipe = recipes[name]
    found = datasets.load(recipe.dataset, data_dir)
    file = FOLDER / name / "model.keras"
    if not file.is_file():
        print(f"training {name}: {recipe.network} on {recipe.dataset} ...", flush=True)
        network = train(recipe, found)
        with files.atomic(file) as temporary:
            network.save(temporary)
    return classifier.load(file), found


def train(recipe, found):
    split = found.train.spread(recipe.images) if recipe.images else found.train
    x, y = split.x, split.y
    keras.utils.set_random_seed(0)
    network = models.build(recipe.network, x.shape[1:], found.num_classes)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    batches = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(len(x), seed=0).batch(BATCH, drop_remainder=True)
    for epochs, rate, threat in recipe.phases:
        attack = {"attack": PGD(steps=recipe.steps, keep_best=False), "threat": threat}
        trainer = METHODS.get("adversarial")(network, **attack) if threat else METHODS.get("standard")(network)
        trainer.compile(keras.optimizers.Adam(rate), loss, metrics=["accuracy"])
        trainer.fit(batches.prefetch(2), epochs=epochs, verbose=0)
    return network


if __name__ == "__main__":
    for name in sys.argv[1:] or RECIPES:
        load(name)
