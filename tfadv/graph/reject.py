"""Classifiers that reject what a detector suspects, as one model that attacks can follow."""

import keras
from keras import ops

from tfadv import validation
from tfadv.errors import invalid


def with_reject(classifier: keras.Model, detector: keras.Model) -> keras.Model:
    """A model of `classes + 1` logits whose last one is the highest where the detector's answer is above 0.

    z_reject = max_j z_j + d(x), after Carlini & Wagner: Adversarial Examples Are Not Easily Detected, 2017, section 3,
    who multiply instead of adding and need logits above 0. Attacks on it have won only where the prediction is a wrong
    class and not "rejected"; an evaluation counts rejected adversarial images as withstood and rejected clean ones as
    wrong.

    Args:
        classifier: a `keras.Model`, images to logits (n, classes).
        detector: a `keras.Model` of the same input, images to (n, 1): above 0 where the image is to be rejected.

    Returns:
        A `keras.Model`, images to (n, classes + 1); it saves and loads as any other.

    Raises:
        TfadvError: if the detector does not answer with one number for each image.

    >>> classifier = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    >>> detector = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    >>> with_reject(classifier, detector).output_shape
    (None, 4)
    """
    if detector.output_shape[1:] != (1,):
        raise invalid("the detector's output", "one number for each image, (n, 1)", f"{detector.output_shape}")
    x = keras.Input(classifier.input_shape[1:])
    z = classifier(x)
    rejected = ops.max(z, axis=-1, keepdims=True) + detector(x)
    return keras.Model(x, keras.layers.Concatenate(name=validation.REJECTING)([z, rejected]))
