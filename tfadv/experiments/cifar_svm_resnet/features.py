"""Linear SVMs on features instead of pixels, as Keras models: attacks see through them down to the pixels."""

import math

import keras
import numpy as np
from keras import layers, ops

from tfadv.errors import TfadvError, invalid
from tfadv.models.dense import mean_image

GRAY = (0.299, 0.587, 0.114)  # luma of red, green, blue (ITU-R BT.601)
CLIP, LEAST = 0.2, 1e-5  # of block normalization (Dalal, Triggs 2005, section 6.4)
FLAT = 1e-8  # squared gradients below have no direction
FITTED = 10_000  # images that principal components are taken from


def hog_svm(
    image_shape: tuple[int, int, int], classes: int, *, cell: int = 8, bins: int = 9, hues: int = 0, seed: int = 0
):
    """A linear classifier on histograms of oriented gradients: 324 features of a 32 x 32 image.

    Args:
        cell: pixels a side of a cell; bins: orientations between 0 and 180 degrees.
        hues: bins of a histogram of hues beside them, as the course CS231n has it; 0 is none.

    >>> hog_svm((32, 32, 3), 10).count_params()
    3250
    """
    if cell < 1 or min(image_shape[:2]) < 2 * cell:
        raise invalid("hog_svm: cell", f"at most half of {min(image_shape[:2])} pixels", repr(cell))
    inputs = keras.Input(image_shape)
    x = layers.Flatten()(blocks(oriented(gray(inputs), bins), cell))
    x = layers.Concatenate()([x, hue_histogram(inputs, hues)]) if hues else x
    return keras.Model(inputs, _scores(x, classes, seed), name="hog_svm")


def pca_svm(
    image_shape: tuple[int, int, int],
    classes: int,
    *,
    components: int = 50,
    images: np.ndarray | None = None,
    seed: int = 0,
):
    """A linear classifier on the first principal components of the training images, each of deviation 1.

    Raises:
        TfadvError: without training images, or with fewer than components.
    """
    from sklearn.decomposition import PCA

    mean = mean_image(images)
    few = images[:FITTED].reshape(min(len(images), FITTED), -1) / (255 if images.dtype == np.uint8 else 1)
    if components > min(few.shape):
        raise TfadvError(f"pca_svm: {components} components need as many images and pixels; there are {few.shape}.")
    found = PCA(components, svd_solver="randomized", random_state=seed).fit(few - mean.ravel())
    weights = found.components_.T / np.sqrt(found.explained_variance_)
    inputs = keras.Input(image_shape)
    project = layers.Dense(components, trainable=False, name="components")
    x = project(layers.Flatten()(inputs))
    project.set_weights([weights.astype("float32"), (-mean.ravel() @ weights).astype("float32")])
    return keras.Model(inputs, _scores(x, classes, seed), name="pca_svm")


def gray(x):
    """Brightness: (n, h, w, c) to (n, h, w, 1)."""
    if x.shape[-1] != len(GRAY):
        return x[..., :1]
    red, green, blue = (weight * x[..., k : k + 1] for k, weight in enumerate(GRAY))
    return red + green + blue


def oriented(x, bins):
    """The size of the gradient at each pixel, shared by the two nearest orientations: (n, h, w, 1) to (n, h, w, bins).

    Central differences, 0 at the border. Where there is no gradient nothing is voted, and nothing passes back.
    """
    across = ops.pad(x[:, :, 2:] - x[:, :, :-2], ((0, 0), (0, 0), (1, 1), (0, 0)))
    down = ops.pad(x[:, 2:] - x[:, :-2], ((0, 0), (1, 1), (0, 0), (0, 0)))
    squares = ops.square(across) + ops.square(down)
    size = ops.sqrt(ops.maximum(squares, FLAT)) - math.sqrt(FLAT)
    flat = ops.less_equal(squares, FLAT)
    angle = ops.arctan2(ops.where(flat, 0.0, down), ops.where(flat, 1.0, across)) * (bins / math.pi)
    return layers.Concatenate()([vote * size for vote in votes(angle, bins)])


def votes(place, bins):
    """What a place on a circle of so many bins gives to each of them, 1 in all: the two nearest share it."""
    for number in range(bins):
        away = ops.mod(place - (number + 0.5) + 2.5 * bins, bins) - 0.5 * bins
        yield ops.relu(1.0 - ops.absolute(away))


def hue_histogram(x, bins):
    """The share of the pixels that have each hue: (n, h, w, c) to (n, bins). Gray pixels have none."""
    if x.shape[-1] != len(GRAY):
        x = ops.repeat(x[..., :1], len(GRAY), axis=-1)
    red, green, blue = (x[..., k : k + 1] for k in range(len(GRAY)))
    highest = ops.max(x, axis=-1, keepdims=True)
    chroma = highest - ops.min(x, axis=-1, keepdims=True)
    colored = ops.greater(chroma, LEAST)
    over = lambda a, b: (a - b) / ops.where(colored, chroma, 1.0)  # noqa: E731
    sixths = ops.where(
        ops.equal(highest, red),
        over(green, blue),
        ops.where(ops.equal(highest, green), over(blue, red) + 2.0, over(red, green) + 4.0),
    )
    counted = [ops.where(colored, vote, 0.0) for vote in votes(sixths * (bins / 6), bins)]
    return layers.GlobalAveragePooling2D()(layers.Concatenate()(counted))


def blocks(votes, cell):
    """Histograms of cells, normalized in blocks of 2 x 2: (n, h, w, bins) to (n, h/cell - 1, w/cell - 1, 4 bins)."""
    of_cells = layers.AveragePooling2D(cell)(votes)
    parts = [of_cells[:, :-1, :-1], of_cells[:, :-1, 1:], of_cells[:, 1:, :-1], of_cells[:, 1:, 1:]]
    return unit(ops.minimum(unit(layers.Concatenate()(parts)), CLIP))


def unit(x):
    """x over its length along the last axis, nearly."""
    return x / ops.sqrt(ops.sum(ops.square(x), axis=-1, keepdims=True) + LEAST**2)


def _scores(x, classes, seed):
    init = keras.initializers.GlorotUniform(seed)
    return layers.Dense(classes, dtype="float32", name="logits", kernel_initializer=init)(x)
