"""Whether a SavedModel answers as the Keras model that it was made from."""

import numpy as np
import tensorflow as tf

from tfadv.errors import TfadvError

# Keras and the reloaded graph run the same kernels: what they may differ by is the order of float32 sums.
TOLERANCE = 1e-5
IMAGES = 16
FREE_SIZE = 32


def fixed_images(input_shape):
    """The images that models are compared on, always the same: black, white and noise, (16, h, w, c) uint8.

    Sizes that the model leaves open are taken as 32.
    """
    shape = [FREE_SIZE if size is None else size for size in input_shape[1:]]
    images = np.random.RandomState(0).randint(0, 256, (IMAGES, *shape)).astype("uint8")
    images[0], images[1] = 0, 255
    return images


def largest_difference(model, class_names, directory):
    """Reload a SavedModel, ask every signature about the fixed images and compare with the Keras model.

    Both answer as often as each other: where a model draws by Keras' seed generators, their draws are the same.

    Args:
        model: the Keras classifier.
        class_names: one for each class.
        directory: of the SavedModel.

    Returns:
        The largest absolute difference of logits.

    Raises:
        TfadvError: if a logit or probability differs by more than 1e-5 of the scale of the logits, or if a
            label is wrong; of classes whose logits are that close, either is right.
    """
    # The functions live only as long as the object that was loaded.
    served = tf.saved_model.load(str(directory))
    signatures = served.signatures
    stored = fixed_images(model.input_shape)
    pixels = tf.cast(stored, tf.float32) / 255
    asked = {"serving_default": pixels, "uint8": tf.constant(stored), "logits": pixels}
    found = {
        name: (signatures[name](images=images), tf.cast(model(pixels, training=False), tf.float32).numpy())
        for name, images in asked.items()
    }
    answer, logits = found.pop("logits")
    difference = _distance(answer["logits"], logits)
    others = [_distance(answer["probabilities"], tf.nn.softmax(expected)) for answer, expected in found.values()]
    scale = max(1.0, float(np.abs(logits).max()))
    # Written so that NaN fails.
    if not max(difference, *others) <= TOLERANCE * scale:
        raise TfadvError(
            f"the exported model answers otherwise than the Keras model (logits differ by {difference:.3g}, "
            f"probabilities by {max(others):.3g}); nothing was exported. Does a layer draw random numbers without "
            "keras.random.SeedGenerator?"
        )
    for answer, expected in found.values():
        _check_labels(answer, class_names, expected, TOLERANCE * scale)
    return difference


def _distance(one, other):
    return float(np.abs(np.asarray(one) - np.asarray(other)).max())


def _check_labels(answer, class_names, logits, tolerance):
    """Each label is the name of its class, and no other class has a larger logit than rounding explains."""
    chosen = answer["class"].numpy()
    names = [label.decode() for label in answer["label"].numpy()]
    behind = logits.max(axis=1) - logits[np.arange(len(logits)), chosen]
    if names != [class_names[k] for k in chosen] or not (behind <= tolerance).all():
        raise TfadvError("the exported model gives other labels than the Keras model; nothing was exported.")
