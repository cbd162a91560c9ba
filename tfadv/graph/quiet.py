"""A random classifier with its noise switched off, as a classifier of its own."""

import keras

from tfadv import validation
from tfadv.graph.inside import twin


class NoiseFree(keras.Model):
    """The same classifier with the same weights, in which what is drawn is its mean (`tfadv.graph.noise_free`).

    Of groups of channels that compete at random the likeliest wins. It answers as the model does but for the noise, and
    operations without a useful gradient have a smooth one.

    Args:
        model: a `keras.Model`, images to logits.

    Raises:
        UnreadableModel: when it is called, if the model cannot be taken apart.

    >>> inputs = keras.Input((8, 8, 1))
    >>> noisy = keras.Model(inputs, keras.layers.GaussianNoise(0.5)(inputs, training=True))
    >>> float(keras.ops.max(NoiseFree(noisy)(keras.ops.zeros((1, 8, 8, 1)))))
    0.0
    """

    def __init__(self, model: keras.Model):
        super().__init__(name=f"{model.name}_noise_free")
        self.model, self.logits_fn, self.rejects = model, twin(model), validation.rejects(model)

    def call(self, x, training=None):
        return self.logits_fn(x)
