"""One network that holds all cells of `cell_net`, which share its weights: the supernet of Guo et al. 2020.

Every batch trains one cell, drawn at random. Each image is normalized by itself: statistics of batches would be those
of all cells at once (Bender et al. 2018), and a cell that is asked needs none of its own.
"""

import itertools
import operator
from functools import reduce

import keras
import tensorflow as tf
from keras import layers

from tfadv import random
from tfadv.experiments.biparo.cells import conv, separable
from tfadv.experiments.biparo.edges import CONVOLUTION, EDGES, IDENTITY, KINDS, NODES
from tfadv.models.parts import PIXELS


@keras.saving.register_keras_serializable("tfadv")
class EdgeChoice(layers.Layer):
    """The present cell, (edges, kinds), 1 for the kind of each edge and else 0; in training the next batch has another.

    It is drawn after the pass that learns: what that learns from was crafted on the same cell before.

    Args:
        seed: of the draws.
    """

    def __init__(self, seed: int = 0, **options):
        super().__init__(**options)
        self.seed = seed
        # Several devices draw the same, as their batches are parts of one.
        whole = {"dtype": "int32", "trainable": False, "aggregation": "only_first_replica"}
        self.kinds = self.add_weight(shape=(EDGES,), initializer=keras.initializers.Constant(2), name="kinds", **whole)
        self.drawn = self.add_weight(shape=(), initializer="zeros", name="drawn", **whole)

    def call(self, x, training=False):
        chosen = tf.one_hot(tf.convert_to_tensor(self.kinds), len(KINDS))
        if training:
            key = random.key(self.seed, tf.convert_to_tensor(self.drawn))
            self.kinds.assign(tf.random.stateless_uniform([EDGES], key, 0, len(KINDS), tf.int32, alg="philox"))
            self.drawn.assign_add(1)
        return chosen

    def compute_output_shape(self, input_shape):
        return EDGES, len(KINDS)

    def get_config(self):
        return super().get_config() | {"seed": self.seed}


def cell_supernet(
    image_shape: tuple[int, int, int], classes: int, *, width: int = 16, stride: int = 1, cells: int = 3, seed: int = 0
) -> keras.Model:
    """`cell_net` with all kinds of every edge, of which the layer `choice` lets one through.

    Args:
        width, stride: as `cell_net` takes them.
        cells: how many, with a pooling between.

    >>> cell_supernet((32, 32, 3), 10).get_layer("choice").kinds.shape
    (6,)
    """
    seeds, (mean, deviation) = itertools.count(1000 * seed), PIXELS
    inputs = keras.Input(image_shape)
    chosen = EdgeChoice(seed, name="choice")(inputs)
    x = layers.Rescaling(1 / deviation, -mean / deviation)(inputs)
    x = _normalized(conv(width, 3, seeds, stride)(x))
    for number in range(cells):
        x = layers.MaxPooling2D()(x) if number else x
        x = _cell(x, chosen, width, seeds)
    x = layers.GlobalAveragePooling2D()(x)
    init = keras.initializers.GlorotUniform(next(seeds))
    logits = layers.Dense(classes, dtype="float32", name="logits", kernel_initializer=init)(x)
    return keras.Model(inputs, logits, name="cell_supernet")


def _cell(x, chosen, width, seeds):
    nodes, edges = [x], itertools.count()
    for number in range(1, NODES):
        brought = [_edge(nodes[k], chosen[next(edges)], width, seeds) for k in range(number)]
        nodes.append(reduce(operator.add, brought))
    return _normalized(conv(width, 1, seeds)(layers.Concatenate()(nodes)))


def _edge(x, kinds, width, seeds):
    return kinds[int(IDENTITY)] * x + kinds[int(CONVOLUTION)] * _normalized(separable(width, seeds)(x))


def _normalized(x):
    return layers.ReLU()(layers.GroupNormalization(groups=1)(x))
