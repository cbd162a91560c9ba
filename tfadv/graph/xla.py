"""Where XLA pays.

Measured on 2 CPU cores with the networks `mlp` and `cnn`: the loop over dense layers runs 1.1 times as fast with 500
images a batch and 1.7 times with 200; the loop over convolutions is 5 times slower.
"""

import keras
import tensorflow as tf

from tfadv.graph.inference import inference_model
from tfadv.graph.structure import made_of

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


# XLA takes about 0.35 s to compile a loop and saves a third of the time of the plain one, which multiplies with some
# 5e10 weights a second: for one model alone it pays from here on, in passes of one image times weights.
WORTH_COMPILING = 5e10


def on_gpu():
    """Whether TensorFlow computes on a GPU."""
    return bool(tf.config.list_logical_devices("GPU"))


def dense_only(model):
    """Whether a model consists of dense layers and what goes between them: where XLA pays on a CPU.

    >>> dense_only(keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(10)]))
    True
    """
    return made_of(inference_model(model), lambda layer: type(layer) in DENSE)


def xla_pays(model, passes=None):
    """Whether attack loops on this model are faster under XLA: on a CPU, with dense layers only.

    Args:
        passes: of all images of a run, where what is compiled for it serves no other model of its architecture.
    """
    long = passes is None or passes * model.count_params() >= WORTH_COMPILING
    return long and not on_gpu() and dense_only(model)
