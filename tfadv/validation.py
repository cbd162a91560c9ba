"""What tfadv accepts: images in [0, 1], int labels, classifiers that return logits. The rest is refused here.

Nothing in this module imports TensorFlow: it sees arrays and Keras models through what they offer themselves.
"""

import numpy as np

from tfadv import remedies
from tfadv.errors import TfadvError, invalid, reason

TOLERANCE = 1e-6
# So far beyond [0, 1] a resize with overshoot leads, but no normalization and no scale of 0..255.
SLIGHT = 0.1
# Members of the largest ensemble whose counted votes are told from probabilities.
VOTERS = 64
SQUASHING = {"softmax", "sigmoid"}
# The names of the last layer of models whose last column says "rejected", and "I do not know".
REJECTING, ABSTAINING = "classes_and_reject", "classes_and_abstain"


def images(x, what="images"):
    """Check images and return them as a float32 array.

    Args:
        x: (n, height, width, channels), floating point in [0, 1].

    Raises:
        TfadvError: for another shape, dtype or range, for NaN, and for no images at all.
    """
    x = _array(x, what)
    _check_shape(x, what)
    if x.dtype.kind in "iu":
        raise invalid(what, "floats in [0, 1]", f"the type {x.dtype}", "divide by 255: x.astype('float32') / 255.")
    return _unit_range(x, what)


def points(x, box=(0.0, 1.0), what="images"):
    """Check what an attack starts from, images or vectors, and return it as a float32 array.

    Args:
        x: (n, height, width, channels) or (n, d), floating point in the box.
        box: lowest and highest valid value; None where every finite number is valid.

    Raises:
        TfadvError: for another shape, dtype or range, for NaN, and for no examples at all.
    """
    x = _array(x, what)
    if x.ndim == 2 and x.size:
        what = "vectors"
    else:
        _check_shape(x, what)
    if box == (0.0, 1.0):
        return _unit_range(x, what) if x.ndim == 2 else images(x, what)
    if not np.issubdtype(x.dtype, np.floating):
        raise invalid(what, "floats", f"the type {x.dtype}", "use x.astype('float32').")
    low, high = float(x.min()), float(x.max())
    if not np.isfinite([low, high]).all():
        raise invalid(what, "finite numbers", "NaN or infinity", "find them with ~np.isfinite(x).")
    if box is not None and (low < box[0] - TOLERANCE or high > box[1] + TOLERANCE):
        hint = f"clip them with x.clip{box}, or give the threat model another box."
        raise invalid(what, f"values in [{box[0]:g}, {box[1]:g}]", f"{low:g} to {high:g}", hint)
    x = x.astype(np.float32, copy=False)
    return x if box is None or (low >= box[0] and high <= box[1]) else np.clip(x, *box)


def stored_images(x, what="images"):
    """Check images as data sets store them: `images`, or uint8, which stays as it is."""
    x = _array(x, what)
    _check_shape(x, what)
    if x.shape[3] not in (1, 3) and x.shape[1] in (1, 3):
        hint = "move them with x.transpose(0, 2, 3, 1)."
        raise invalid(what, "channels last (n, height, width, channels)", f"the shape {x.shape}", hint)
    return x if x.dtype == np.uint8 else _unit_range(x, what)


def labels(y, n=None, classes=None, what="labels"):
    """Check class indices and return them as an int32 array.

    Args:
        y: (n,) integers in [0, classes).

    Raises:
        TfadvError: for one-hot or float labels, a wrong number of them, and labels out of range.
    """
    y = _array(y, what)
    if y.ndim == 2 and y.shape[1] > 1:
        raise invalid(what, "class indices (n,)", f"the shape {y.shape}, perhaps one-hot", "use y.argmax(axis=1).")
    if y.ndim != 1:
        hint = "use y.reshape(-1)." if y.ndim else "give one for each image, np.full(n, y) for the same."
        raise invalid(what, "class indices (n,)", f"the shape {y.shape}", hint)
    if not np.issubdtype(y.dtype, np.integer):
        hint = "use y.astype('int32')." if y.dtype.kind in "fb" else ""
        raise invalid(what, "integer class indices (ints)", f"the type {y.dtype}", hint)
    if n is not None and len(y) != n:
        raise invalid(what, f"one per image, {n} in all", len(y))
    return _indices(y, classes, what).astype(np.int32, copy=False)


def classifier(model, x, forward=None):
    """Check that a model takes these images and returns finite logits for them; return the number of classes.

    The last column of a model that `rejects` is no class.

    Args:
        model: a `keras.Model`.
        x: checked images; the first 32 are passed through the model.
        forward: the model as a function of images alone, if there is a faster one.

    Raises:
        TfadvError: for images of another shape, NaN weights, outputs that are not (n, classes), not finite or
            probabilities.
    """
    _fits(model, x)
    last = final_operation(model)
    if squashes(last) and len(model.outputs[0].shape) == 2 and model.outputs[0].shape[-1] != 1:
        raise _probabilities("its last layer ends in a softmax or sigmoid")
    logits = _forward(model, x[:32]) if forward is None else np.asarray(forward(x[:32]))
    if logits.ndim != 2 or logits.shape[1] < 2:
        raise remedies.no_logits(x.shape, logits.shape, last, squashes(last))
    if not np.isfinite(logits).all():
        raise invalid(
            "the classifier",
            "finite weights and logits",
            _broken(model),
            "train it again with a smaller learning rate.",
        )
    if are_probabilities(logits) and not are_vote_shares(logits):
        raise _probabilities("its outputs are between 0 and 1 and sum to 1")
    return logits.shape[1] - rejects(model)


def are_probabilities(outputs):
    """Whether outputs, (n, classes), are shares that sum to 1."""
    return bool((outputs >= 0).all() and np.allclose(outputs.sum(axis=1), 1, atol=1e-3))


def are_vote_shares(outputs):
    """Whether shares, (n, classes), are those of so few votes that no softmax makes them: k of m, m up to `VOTERS`."""
    whole = lambda counts: np.allclose(counts, np.round(counts), atol=1e-4)  # noqa: E731
    return any(whole(outputs * voters) for voters in range(1, VOTERS + 1))


def radius(threat, shape):
    """Refuse an eps beyond the largest distance of two points of the box: nearly always a forgotten "/255".

    Args:
        threat: a `ThreatModel`.
        shape: of one image.

    Raises:
        TfadvError: with the eps that was probably meant.
    """
    if threat.box is None:
        return
    black, white = (np.full((1, *shape), value, np.float32) for value in threat.box)
    largest = float(threat.distance(white, black)[0])
    if threat.eps > largest * (1 + TOLERANCE):
        # Counts of pixels, as in l_0, do not shrink with the change of a pixel.
        counts = float(threat.distance((black + white) / 2, black)[0]) == largest
        likely = threat.eps <= 255 * largest and not counts
        hint = f"did you mean {threat.norm}:{threat.eps:g}/255?" if likely else ""
        raise invalid("threat", f"an eps of at most {largest:g}, from black to white", str(threat), hint)


def final_operation(model):
    """What computes a model's output, looking into nested models; None for a subclassed model."""
    outputs = getattr(model, "outputs", None)
    if not outputs:
        return None
    operation = outputs[0]._keras_history.operation
    return final_operation(operation) if getattr(operation, "outputs", None) else operation


def rejects(model):
    """Whether the last column of a model's logits says "rejected": what `tfadv.graph.reject.with_reject` makes.

    A model tells it by the name of its last layer, which is saved with it; a subclassed one by an attribute `rejects`.
    """
    named = getattr(final_operation(model), "name", "") or ""
    return named == REJECTING or getattr(model, "rejects", False) is True


def abstains(model):
    """Whether the last column of a model's logits says "I do not know", which is right of no image."""
    return (getattr(final_operation(model), "name", "") or "") == ABSTAINING


def squashes(operation):
    """Whether a layer (or an operation such as `keras.ops.softmax`) makes probabilities of logits."""
    activation = getattr(getattr(operation, "activation", None), "__name__", "")
    return activation in SQUASHING or type(operation).__name__.lower() in SQUASHING


def _array(values, what):
    try:
        return np.asarray(values)
    except (ValueError, TypeError) as error:  # Ragged lists, symbolic tensors.
        raise invalid(what, "one array", f"{type(values).__name__} that NumPy cannot convert") from error


def _check_shape(x, what):
    if x.ndim != 4:
        hint = {
            2: "reshape them to images with x.reshape(n, height, width, channels).",
            3: "add the channel of grayscale images with x[..., None], the batch of one image with x[None].",
        }.get(x.ndim, "")
        raise invalid(what, "an array (n, height, width, channels)", f"the shape {x.shape}", hint)
    if not x.size:
        raise invalid(what, "at least one image", f"an empty array of shape {x.shape}")


def _unit_range(x, what):
    if not np.issubdtype(x.dtype, np.floating):
        kind = "uint8" if x.dtype.kind in "iu" else "float32"
        raise invalid(what, "uint8, or float in [0, 1]", f"the type {x.dtype}", f"use x.astype('{kind}').")
    low, high = float(x.min()), float(x.max())
    if not np.isfinite([low, high]).all():
        raise invalid(what, "finite numbers in [0, 1]", "NaN or infinity", "find them with ~np.isfinite(x).")
    if low < -TOLERANCE or high > 1 + TOLERANCE:
        hint = "undo their normalization: mean and standard deviation belong inside the model."
        if low >= -SLIGHT and high <= 1 + SLIGHT:
            hint = "clip them with x.clip(0, 1)."
        elif low >= 0 and high <= 255:
            hint = "divide them by 255, or by what white is in them."
        raise invalid(what, "values in [0, 1]", f"{low:g} to {high:g}", hint)
    x = x.astype(np.float32, copy=False)
    return x if low >= 0 and high <= 1 else np.clip(x, 0, 1)


def _indices(y, classes, what):
    if not y.size:
        return y
    if y.min() < 0:
        raise invalid(what, "class indices from 0", f"the negative label {y.min()}")
    if classes is not None and y.max() >= classes:
        hint = "the classifier needs an output for each class."
        raise invalid(what, f"class indices from 0 to {classes - 1}", f"the label {y.max()}", hint)
    # A label names a class and every class costs an output: more than this is an identifier, not a class.
    if y.max() >= 1_000_000:
        raise invalid(what, "class indices counted from 0 without gaps", f"the label {y.max()}")
    return y


def one_input(model):
    """Refuse a model of several inputs.

    Raises:
        TfadvError: with the line that makes a model of the images alone.
    """
    inputs = getattr(model, "inputs", None) or [None]
    if len(inputs) > 1:
        hint = "hold the others fixed: x = keras.Input((height, width, channels)); keras.Model(x, model([x, ...]))."
        raise invalid("the classifier", "one input, the images", f"{len(inputs)} inputs", hint)


def _fits(model, x):
    one_input(model)
    shape = getattr(model, "input_shape", None)
    if not isinstance(shape, tuple) or len(shape) == 0 or not all(d is None or isinstance(d, int) for d in shape):
        return
    takes, have = shape[1:], x.shape[1:]
    if not remedies.matches(takes, have):
        hint = remedies.how_to_fit(takes, have)
        raise invalid(
            "images for this classifier", f"the shape {remedies.size_of(takes)}", remedies.size_of(have), hint
        )


def _broken(model):
    """Which weights are not finite, or that it is only the logits."""
    for variable in getattr(model, "weights", []):
        values = np.asarray(variable)
        # Seeds and counters are integers; bfloat16 is none of NumPy's own floats.
        if values.dtype.kind not in "iub" and not np.isfinite(values.astype(np.float32)).all():
            return f"weights that are not finite ({variable.path})"
    return "logits that are not finite"


def _probabilities(why):
    return invalid(
        "the classifier",
        "logits",
        f"probabilities ({why})",
        "take the softmax off with tfadv.as_logits_model(model).",
    )


def _forward(model, x):
    try:
        outputs = model(x, training=False)
    except Exception as error:  # Keras and TensorFlow raise many types; all mean that the images do not fit.
        shape = remedies.size_of(x.shape[1:])
        raise TfadvError(f"the classifier cannot process images of shape {shape}: {reason(error)}") from error
    if isinstance(outputs, dict | list | tuple) and outputs:
        raise remedies.several_outputs(model, outputs)
    if not hasattr(outputs, "shape"):
        raise invalid("the classifier's output", "one tensor of logits", type(outputs).__name__)
    return np.asarray(outputs).astype(np.float32)
