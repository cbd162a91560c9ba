"""Dropout that stays on at prediction: each answer is that of a network drawn at random.

Gal, Ghahramani: Dropout as a Bayesian Approximation, 2016.
"""

import keras


@keras.saving.register_keras_serializable("tfadv")
class MonteCarloDropout(keras.layers.Dropout):
    """Keras' Dropout, with its arguments, active in inference mode too.

    >>> MonteCarloDropout(0.5, seed=0)(np.ones((1, 100), "float32"), training=False).numpy().max()
    np.float32(2.0)
    """

    def call(self, inputs, training=None):
        return super().call(inputs, training=True)
