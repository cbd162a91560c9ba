"""Where XLA pays.

Measured on 2 CPU cores with the networks `mlp` and `cnn`: the loop over dense layers runs 1.1 times as fast with 500
images a batch and 1.7 times with 200; the loop over convolutions is 5 times slower.
"""

import keras
import tensorflow as tf

DENSE = {
    keras.layers.InputLayer,
    keras.layers.Flatten,
    keras.layers.Reshape,
    keras.layers.Dense,
    keras.layers.Activation,
    keras.layers.ReLU,
    keras.layers.LeakyReLU,
    keras.layers.Dropout,
    keras.layers.BatchNormalization,
    keras.layers.Rescaling,
    keras.layers.Normalization,
    keras.layers.Add,
}


def xla_pays(model):
    """Whether attack loops on this model are faster under XLA: on a CPU, with dense layers only.

    Only what Keras itself runs is judged: the `call` of a subclassed model or layer may do anything, even what XLA
    cannot compile.

    >>> xla_pays(keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(10)]))
    True
    """
    return not tf.config.list_logical_devices("GPU") and isinstance(model, keras.Model) and _is_dense(model)


def _is_dense(operation):
    parts = operation.layers if isinstance(operation, keras.Sequential) else getattr(operation, "operations", None)
    if parts is None:
        return type(operation) in DENSE
    return all(_is_dense(part) for part in parts)
