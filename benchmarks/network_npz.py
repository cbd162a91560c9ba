"""A Keras classifier and images as an .npz without pickles, for programs that know neither Keras nor TensorFlow.

network   JSON: what computes the output, in order, each {"name", "type", "inputs", "config"}
name/i    the i-th weight of the layer `name`, in Keras' layouts (kernels (h, w, in, out), Dense (in, out))
x, y      images (n, h, w, c) float32 in [0, 1] and labels (n,) int64
logits    what Keras computes for them, (n, classes) float32
norm, eps of the threat model
"""

import json

import keras
import numpy as np

from tfadv import files
from tfadv.errors import invalid

# What torch_reference.py knows, and which options of it.
KNOWN = {
    "InputLayer": (),
    "Rescaling": ("scale", "offset"),
    "Conv2D": ("strides", "padding", "activation"),
    "Dense": ("activation",),
    "BatchNormalization": ("epsilon", "center", "scale"),
    "Flatten": (),
    "ReLU": (),
    "Add": (),
    "AveragePooling2D": ("pool_size", "strides", "padding"),
    "MaxPooling2D": ("pool_size", "strides", "padding"),
    "GlobalAveragePooling2D": (),
    "Pad": (),
}
ACTIVATIONS = ("linear", "relu")


def write(path, model, x, y, threat):
    """Write a Sequential or functional model of the layers above, images, labels, the threat model; returns the path.

    Raises:
        TfadvError: for a layer or an activation that torch_reference.py does not know.
    """
    # A Sequential has no operations of its own.
    graph = keras.Model(model.inputs[0], model.outputs[0]) if isinstance(model, keras.Sequential) else model
    nodes = [describe(operation) for operation in graph.operations]
    # A convolution without bias and one with it differ in the number of their arrays.
    weights = {f"{layer.name}/{i}": w for layer in model.layers for i, w in enumerate(layer.get_weights())}
    return files.write_npz(
        path,
        network=np.array(json.dumps(nodes)),
        x=x,
        y=y.astype(np.int64),
        logits=model.predict(x, batch_size=500, verbose=0),
        norm=np.array(threat.norm),
        eps=np.array(float(threat.eps)),
        **weights,
    )


def describe(operation):
    """One layer as JSON."""
    kind = type(operation).__name__
    if kind not in KNOWN:
        raise invalid(f"the layer {operation.name!r}", f"one of {', '.join(KNOWN)}", kind)
    config = operation.get_config() if kind != "Pad" else {}
    if config.get("activation", "linear") not in ACTIVATIONS:
        raise invalid(f"the activation of {operation.name!r}", " or ".join(ACTIVATIONS), config["activation"])
    inputs = [tensor._keras_history.operation.name for tensor in operation._inbound_nodes[0].input_tensors]
    options = {name: config[name] for name in KNOWN[kind]}
    if kind == "Pad":
        options = {"pad_width": [list(pair) for pair in operation.pad_width]}
    return {"name": operation.name, "type": kind, "inputs": inputs, "config": options}
