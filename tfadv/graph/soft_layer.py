"""A layer with the gradients of a smooth one in its place, whatever the shape of its output."""

import keras
import tensorflow as tf

from tfadv.graph.replay import Replay
from tfadv.graph.smooth import SMOOTH


class SoftLayer(keras.Operation):
    """What a layer computes, with the gradients that `tfadv.graph.smooth` gives to its operations."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def compute_output_spec(self, *args, **kwargs):
        return self.layer(*args, **kwargs)

    def call(self, *args, **kwargs):
        flat = tf.nest.flatten((args, kwargs))
        at = [place for place, part in enumerate(flat) if tf.is_tensor(part)]

        def run(*tensors):
            parts = list(flat)
            for place, tensor in zip(at, tensors, strict=True):
                parts[place] = tensor
            given, named = tf.nest.pack_sequence_as((args, kwargs), parts)
            return self.layer(*given, **named)

        tensors = [flat[place] for place in at]
        specs = [tf.TensorSpec(tensor.shape, tensor.dtype) for tensor in tensors]
        with tf.init_scope():
            function = tf.function(run, autograph=False).get_concrete_function(*specs)
        return tf.function(lambda *tensors: Replay(SMOOTH).outputs(function, *tensors)[0], autograph=False)(*tensors)
