"""Classifiers from SavedModels: graphs that map images to logits or probabilities, wherever they were trained.

A SavedModel carries no Python code; what is run is the graph of one of its signatures.
"""

import json
import weakref
from pathlib import Path

from tfadv import runs
from tfadv.errors import TfadvError, reason

# Signatures and outputs, the most telling name first.
SIGNATURES = ("logits", "serving_default", "serve")
OUTPUTS = ("logits", "output_0", "scores", "predictions", "probabilities")
# What a graph can do besides computing. None of it belongs into a classifier.
REFUSED = {"ReadFile", "WriteFile", "MatchingFiles", "PyFunc", "PyFuncStateless", "EagerPyFunc"}
# What is smaller, float32 flushes to 0, which has no logarithm; sizes that a signature leaves open are tried as 32.
SMALLEST, FREE_SIZE = 1e-37, 32
REMARKS = weakref.WeakKeyDictionary()
LITTLE = "Of what it is sure of, float32 keeps little: export the logits too, if you can."


def find(path):
    """The directory of a SavedModel that a path means, or None: the path, or its highest version `path/1`, `path/2`."""
    path = Path(path)
    path = path.parent if path.name == runs.SAVED_MODEL else path
    if (path / runs.SAVED_MODEL).is_file():
        return path
    versions = [home.parent for home in path.glob(f"*/{runs.SAVED_MODEL}") if home.parent.name.isdecimal()]
    return max(versions, key=lambda version: int(version.name), default=None)


def name(path):
    """What a SavedModel is called: its directory, `robust-1` for `robust/1`."""
    path = Path(path).resolve()
    return f"{path.parent.name}-{path.name}" if path.name.isdecimal() else path.name


def card(path):
    """What `tfadv export` wrote down of the training of a SavedModel, like train.json; {} if it is not from there.

    Raises:
        TfadvError: if it cannot be read.
    """
    path = Path(path) / runs.CARD
    try:
        known = json.loads(path.read_text()) if path.is_file() else {}
        training = {**known.get("record", {}).get("training", {}), "class_names": known["classes"]} if known else {}
        settings = training.get("settings", {})
        # A card may hold less than the record of a run does.
        runs.check(settings, {key: kind for key, kind in runs.SETTINGS.items() if key in settings}, "settings.")
        return training
    except (OSError, ValueError, AttributeError, KeyError, TypeError) as error:
        raise TfadvError(f"cannot read {str(path)!r} ({error}); remove it and name the data with --dataset.") from error


def load(path, signature=None):
    """A SavedModel as a classifier. Probabilities become their logarithms, which are logits, and one unit, which tells
    two classes apart, two logits; `remark` says so.

    Args:
        path: of a SavedModel, or of its versions.
        signature: the name of one that maps images (n, h, w, c), floats in [0, 1] or bytes, to logits or
            probabilities (n, classes), or (n, 1); None is the likeliest there is.

    Returns:
        A `keras.Model`. Whether it has gradients, `tfadv.gradients.differentiable` tells.

    Raises:
        TfadvError: if it is damaged, if no signature fits, and if its graph reads or writes files.
    """
    import keras
    import numpy as np

    path = find(path) or Path(path)
    graph = _read(path)
    signature, image, output = _choose(path, graph.signature_def, signature)
    try:
        # Layers cast floats to their own type.
        kind = image.dtype if image.floats else None
        served = keras.layers.TFSMLayer(str(path), call_endpoint=signature, dtype=kind)
        # By the signature: an attribute of the same name may have other outputs.
        served.call_endpoint_fn = served._reloaded_obj.signatures[signature]
    except Exception as error:  # TensorFlow raises many types for damaged files.
        raise TfadvError(f"cannot load the SavedModel {str(path)!r}: {reason(error)[:300]}") from error
    images = keras.Input(image.shape)
    pixels = images if image.floats else keras.ops.round(255 * images)
    scores = keras.ops.cast(served(keras.ops.cast(pixels, image.dtype))[output], "float32")
    model = keras.Model(images, scores, name=name(path))

    noise = np.random.default_rng(0).uniform(0, 1, (8, *(size or FREE_SIZE for size in image.shape)))
    # A probability stays one far from the box, too, where a logit leaves [0, 1].
    tried = np.concatenate([noise, 20 * noise - 10, np.zeros_like(noise[:1]), np.ones_like(noise[:1])])
    logits, said = _as_logits(scores, np.asarray(model(tried.astype("float32"))))
    if said:
        model = keras.Model(images, logits, name=name(path))
        REMARKS[model] = f"The SavedModel gives {said.format(output=f'({signature}: {output})')}"
    return model


def _as_logits(scores, found):
    """The logits of an output, and what it gives and how it is judged; None where it gives logits.

    Args:
        scores: the symbolic output, (n, classes) or (n, 1).
        found: its values on some images.
    """
    from keras import ops

    within = (found >= 0).all() and (found <= 1 + 1e-3).all()
    if found.shape[1] == 1 and not within:
        both = ops.concatenate([ops.zeros_like(scores), scores], axis=-1)
        return both, "one unit {output}; judged are two logits, 0 and that unit."
    if found.shape[1] == 1:
        both = ops.concatenate([1 - scores, scores], axis=-1)
        said = "one number from 0 to 1 {output}, judged as the probability of the second of two classes."
    elif within and (abs(found.sum(axis=1) - 1) <= 1e-3).all():
        both, said = scores, "probabilities {output}; their logarithms are judged as logits."
    else:
        return scores, None
    return ops.log(ops.maximum(both, SMALLEST)), f"{said} {LITTLE}"


def remark(model):
    """What is to be known about how a classifier was loaded, in one sentence, or None."""
    return REMARKS.get(model)


def _read(path):
    """The graph that serves, once it is known to compute only."""
    from tensorflow.core.protobuf import saved_model_pb2

    try:
        graphs = saved_model_pb2.SavedModel.FromString((path / runs.SAVED_MODEL).read_bytes()).meta_graphs
        [graph] = [graph for graph in graphs if "serve" in graph.meta_info_def.tags]
    except Exception as error:  # The parser's own types for damaged bytes; none or several graphs.
        raise TfadvError(f"{str(path / runs.SAVED_MODEL)!r} is damaged, or holds no graph that serves.") from error
    functions = [function.node_def for function in graph.graph_def.library.function]
    for nodes in (graph.graph_def.node, *functions):
        for node in nodes:
            if node.op in REFUSED:
                raise TfadvError(f"{str(path)!r} is not run: its graph calls {node.op}, which no classifier needs.")
    return graph


class Image:
    """The input of a signature, if it takes images: in batches of any size, (h, w, c) with None for a free size."""

    def __init__(self, dtype, shape):
        self.dtype, self.shape, self.floats = dtype.name, shape[1:], dtype.is_floating

    @classmethod
    def of(cls, signature):
        specs = [_spec(info) for info in signature.inputs.values()]
        if len(specs) != 1:
            return None
        [(dtype, shape)] = specs
        taken = (dtype.is_floating or dtype.is_integer) and shape is not None and len(shape) == 4 and shape[0] is None
        return cls(dtype, shape) if taken else None


def _choose(path, signatures, wanted):
    """The name of a signature, its image, and the name of its output."""
    for signature in [wanted] if wanted else sorted(signatures, key=lambda known: _rank(known, SIGNATURES)):
        image = Image.of(signatures[signature]) if signature in signatures else None
        outputs = {key: _spec(info) for key, info in signatures[signature].outputs.items()} if image else {}
        scores = [key for key, (dtype, shape) in outputs.items() if dtype.is_floating and shape and len(shape) == 2]
        if scores:
            return signature, image, min(scores, key=lambda key: _rank(key, OUTPUTS))
    listed = "; ".join(f"{known} {_described(signatures[known])}" for known in signatures if known[:2] != "__")
    raise TfadvError(
        f"no signature of the SavedModel {str(path)!r} maps images (any number, height, width, channels) to logits or "
        f"probabilities (any number, classes): it has {listed or 'none'}."
    )


def _rank(known, order):
    return order.index(known) if known in order else len(order)


def _spec(info):
    """The type and the shape, with None for what is free, of an input or output."""
    import tensorflow as tf

    shape = info.tensor_shape
    sizes = None if shape.unknown_rank else tuple(size.size if size.size >= 0 else None for size in shape.dim)
    return tf.as_dtype(info.dtype), sizes


def _described(signature):
    def listed(tensors):
        specs = {key: _spec(info) for key, info in tensors.items()}
        return ", ".join(f"{key} {dtype.name} {shape or '()'}" for key, (dtype, shape) in specs.items())

    return f"from {listed(signature.inputs)} to {listed(signature.outputs)}"
