"""What is measured of data and of linear classifiers: the split, gradients, an SVM trained by hand.

See `tfadv.study.measures`.
"""

import dataclasses
import typing

import numpy as np

from tfadv.experiments.cifar_svm_resnet.by_hand import LOSSES, RECIPES, descend, numeric, rows_of, scores
from tfadv.reports import figures
from tfadv.study.measures import titled

ENTRIES = 20  # of W, at which a gradient is held against differences


@dataclasses.dataclass(frozen=True)
class TrainingData:
    """The training images as the SVM sees them: `value` is the largest entry of the mean of what it makes of them.

    `counts`, (2, classes), are the images of each class in the training and the held-out part; `apart` is the largest
    entry of the difference between the mean of the training part and that of both parts, which the document subtracts;
    `images` and `labels` are the first few of each class.
    """

    shown: int = 2
    title: str = titled("Mean after centering")

    def __call__(self, network):
        from tfadv.models.dense import mean_image

        train, held_out = divided(network)
        mean, center = _centering(network.model), network.model.get_layer("mean_image")
        parts = (train.select(slice(at, at + 1000)).x for at in range(0, len(train), 1000))
        total = sum(center(part).numpy().sum(axis=0, dtype=np.float64) for part in parts)
        counts = [np.bincount(part.y, minlength=network.dataset.num_classes) for part in (train, held_out)]
        few = np.concatenate([np.flatnonzero(train.y == k)[: self.shown] for k in range(len(counts[0]))])
        return {
            "value": np.abs(total / len(train)).max(),
            "counts": np.array(counts),
            "apart": np.abs(mean - mean_image(network.dataset.train.images)).max(),
            "images": train.select(few).x,
            "labels": train.y[few],
        }

    def pictures(self, arrays, names):
        """The first few images of each class, below one another, five classes in a band."""
        first = np.arange(len(names)) * self.shown
        bands = [first[at : at + 5] for at in range(0, len(names), 5)]
        order = np.concatenate([band + row for band in bands for row in range(self.shown)])
        titles = ["" if place % self.shown else names[arrays["labels"][place]] for place in order]
        return [("images", figures.image_grid(arrays["images"][order], titles, columns=5))]


@dataclasses.dataclass(frozen=True)
class ByHand:
    """Right by an SVM that NumPy trained: `value`; `scores`, (n, classes); `loss`, (iterations,); `templates`, W as
    images, (classes, h, w, c).
    """

    recipe: str
    iterations: int = 1500
    title: str = titled("")

    def __call__(self, network):
        from tfadv.models.dense import mean_image

        recipe, (train, _) = RECIPES[self.recipe], divided(network)
        # In double precision: a margin that rounds to the other side of 0 sends two descents apart.
        mean, classes = mean_image(train.images).astype(np.float64), network.dataset.num_classes
        w, losses = descend(
            train.images, train.y, mean, recipe, classes=classes, iterations=self.iterations, seed=network.seed
        )
        s = scores(w, rows_of(network.x, mean, recipe))
        templates = w[:-1].T.reshape(-1, *mean.shape)
        return {"value": s.argmax(axis=1) == network.y, "scores": s, "loss": losses, "templates": templates}

    def pictures(self, arrays, names):
        """What each class looks like to the SVM: its weights, each between 0 and 1."""
        low, high = (find(arrays["templates"], axis=(1, 2, 3), keepdims=True) for find in (np.min, np.max))
        return [("templates", figures.image_grid((arrays["templates"] - low) / (high - low), list(names)))]


@dataclasses.dataclass(frozen=True)
class GradientError:
    """How far the gradient of a loss by hand is from central differences, and from Keras', as a share of its largest.

    `value` is the largest difference of 20 entries of W, in double precision; `keras` that of all entries, in the
    single precision of Keras.
    """

    loss: str
    n: int = 200
    title: str = titled("")

    def __call__(self, network):
        rng, train = np.random.default_rng(network.seed), divided(network)[0].take(self.n)
        x = rows_of(train.images, np.full(train.images.shape[1:], 0.5), RECIPES["b"])
        w, decay = 0.01 * rng.standard_normal((x.shape[1], network.dataset.num_classes)), 0.1
        of = lambda w: LOSSES[self.loss](w, x, train.y, decay)  # noqa: E731
        gradient, errors = of(w)[1], []
        for entry in zip(*(rng.integers(0, size, ENTRIES) for size in w.shape), strict=True):
            expected = numeric(of, w, entry)
            errors.append(abs(gradient[entry] - expected))
        largest, difference = np.abs(gradient).max(), gradient - keras_gradient(self.loss, w, x, train.y, decay)
        return {"value": np.max(errors) / largest, "keras": np.abs(difference).max() / largest}


@dataclasses.dataclass(frozen=True)
class ScoreError:
    """The largest difference between a linear network's logits and W x~ by hand, as a share of the largest score."""

    title: str = titled("")

    def __call__(self, network):
        dense = network.model.layers[-1]
        w = np.concatenate([dense.kernel.numpy(), dense.bias.numpy()[None]]).astype(np.float64)
        s = scores(w, rows_of(network.x, _centering(network.model), dataclasses.replace(RECIPES["b"], bias=1.0)))
        return {"value": np.abs(s - network.model.predict(network.x, verbose=0)).max() / np.abs(s).max()}


def divided(network: typing.Any):
    """The part of the training images that networks of this document learn from, and the part that is held out."""
    return network.dataset.train_validation(0.1, network.seed, stratify=True)


def keras_gradient(loss, w, x, y, decay):
    """The gradient of `--loss hinge` or `ce`, and of decay sum(W^2), by TensorFlow: (d + 1, classes)."""
    import tensorflow as tf

    from tfadv.training.objective import Loss

    weights = tf.Variable(w, dtype=tf.float32)
    with tf.GradientTape() as tape:
        logits = tf.matmul(tf.constant(x, tf.float32), weights)
        value = Loss({"softmax": "ce"}.get(loss, loss))(y, logits) + decay * tf.reduce_sum(weights**2)
    return tape.gradient(value, weights).numpy()


def _centering(model):
    """The mean image that a network subtracts, (h, w, c) float64."""
    return np.asarray(model.get_layer("mean_image").mean, np.float64)[0]
