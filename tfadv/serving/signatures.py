"""What a served classifier answers: three signatures over the same network, written as graph code."""

import contextlib
import logging

import keras
import tensorflow as tf


def write(model, class_names, directory):
    """Write a SavedModel with the signatures below.

    Args:
        model: a built classifier, images (n, h, w, c) in [0, 1] to logits (n, classes).
        class_names: one for each class.
        directory: where to; it does not exist yet.

    Signatures, by the name and type of their input `images`, (n, h, w, c):
        serving_default: float32 in [0, 1] -> probabilities (n, classes) float32, class (n,) int64,
            label (n,) string.
        uint8: bytes 0..255 -> the same.
        logits: float32 in [0, 1] -> logits (n, classes) float32.
    """
    shape = (None, *model.input_shape[1:])
    pixels = [tf.TensorSpec(shape, tf.float32, name="images")]
    stored = [tf.TensorSpec(shape, tf.uint8, name="images")]

    def logits(images):
        return tf.cast(model(images, training=False), tf.float32)

    def answer(images):
        return _answer(logits(images), class_names)

    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint("serving_default", answer, input_signature=pixels)
    archive.add_endpoint("logits", lambda images: {"logits": logits(images)}, input_signature=pixels)
    archive.add_endpoint("uint8", lambda images: answer(tf.cast(images, tf.float32) / 255), input_signature=stored)
    with _without_notes():
        archive.write_out(str(directory), verbose=False)


@contextlib.contextmanager
def _without_notes():
    """TensorFlow would print where it wrote to: a folder that is there only until it has been checked."""
    logger = tf.get_logger()
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


def _answer(logits, class_names):
    chosen = tf.argmax(logits, axis=-1)
    return {
        "probabilities": tf.nn.softmax(logits),
        "class": chosen,
        "label": tf.gather(tf.constant(class_names), chosen),
    }
