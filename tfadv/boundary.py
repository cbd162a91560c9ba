"""What tfadv accepts: images in [0, 1], int labels, classifiers that return logits. Everything else is refused here.

Nothing in this module imports TensorFlow: it sees arrays and Keras models through what they offer themselves.
"""

import numpy as np

from tfadv.errors import TfadvError, invalid

TOLERANCE = 1e-6


def images(x, what="images"):
    """Check images and return them as a float32 array.

    Args:
        x: (n, height, width, channels), floating point in [0, 1].

    Raises:
        TfadvError: for another rank, dtype or range, for NaN, and for no images at all.
    """
    x = np.asarray(x)
    if x.ndim != 4:
        raise invalid(what, "an array (n, height, width, channels)", f"the shape {x.shape}")
    if not np.issubdtype(x.dtype, np.floating):
        raise invalid(what, "floats in [0, 1]", f"the dtype {x.dtype}", "divide by 255: x.astype('float32') / 255.")
    if not x.size:
        raise invalid(what, "at least one image", f"the shape {x.shape}")
    low, high = float(x.min()), float(x.max())
    if np.isnan(low) or np.isnan(high):
        raise invalid(what, "finite values in [0, 1]", "NaN")
    if low < -TOLERANCE or high > 1 + TOLERANCE:
        hint = "divide by 255." if high > 2 else "put the normalization into the model and pass pixels."
        raise invalid(what, "values in [0, 1]", f"values from {low:.4g} to {high:.4g}", hint)
    return np.clip(x, 0, 1, dtype=np.float32, casting="same_kind")


def labels(y, n=None, classes=None, what="labels"):
    """Check class indices and return them as an int32 array.

    Args:
        y: (n,) integers in [0, classes).

    Raises:
        TfadvError: for one-hot or float labels, a wrong number of them, and labels out of range.
    """
    y = np.asarray(y)
    if y.ndim == 2 and y.shape[1] > 1:
        raise invalid(what, "class indices (n,)", f"the shape {y.shape}", "if they are one-hot: y.argmax(axis=1).")
    y = y.reshape(-1) if y.ndim == 2 else y
    if y.ndim != 1 or not np.issubdtype(y.dtype, np.integer):
        raise invalid(what, "integer class indices (n,)", f"{y.dtype} of shape {y.shape}", "use y.astype('int32').")
    if n is not None and len(y) != n:
        raise invalid(what, f"one for each of the {n} images", f"{len(y)}")
    if y.size and (y.min() < 0 or (classes is not None and y.max() >= classes)):
        upper = f"[0, {classes})" if classes is not None else "at least 0"
        raise invalid(what, f"class indices in {upper}", f"values from {y.min()} to {y.max()}")
    return y.astype(np.int32)


def classifier(model, x):
    """Check that a model takes these images and returns finite logits for them; return the number of classes.

    Args:
        model: a `keras.Model`.
        x: checked images; the first 32 are passed through the model.

    Raises:
        TfadvError: for images of another shape, NaN weights, outputs that are not (n, classes), not finite or
            probabilities.
    """
    _fits(model, x)
    if _ends_in_probabilities(model):
        raise _probabilities("its last layer ends in a softmax or sigmoid")
    logits = np.asarray(_forward(model, x[:32]), dtype=np.float32)
    if logits.ndim != 2 or logits.shape[1] < 2:
        raise invalid("the classifier's output", "logits (n, classes) of at least 2 classes", f"the shape {logits.shape}")
    if not np.isfinite(logits).all():
        broken = [v.path for v in getattr(model, "weights", []) if not np.isfinite(np.asarray(v)).all()]
        where = f"weights that are not finite ({broken[0]})" if broken else "logits that are not finite"
        raise invalid("the classifier", "finite weights and logits", where, "train it again with a smaller learning rate.")
    if (logits >= 0).all() and np.allclose(logits.sum(axis=1), 1, atol=1e-3):
        raise _probabilities("its outputs are between 0 and 1 and sum to 1")
    return logits.shape[1]


def _fits(model, x):
    shape = getattr(model, "input_shape", None)
    if not isinstance(shape, tuple) or len(shape) == 0 or not all(d is None or isinstance(d, int) for d in shape):
        return
    takes = shape[1:]
    if len(takes) != 3 or any(d is not None and d != have for d, have in zip(takes, x.shape[1:], strict=True)):
        raise invalid("images for this classifier", f"the shape {_size(takes)}", _size(x.shape[1:]), "resize them or take another model.")


def _size(shape):
    return " x ".join("any" if d is None else str(d) for d in shape)


def _ends_in_probabilities(model):
    layers = getattr(model, "layers", None)
    activation = getattr(getattr(layers[-1], "activation", None), "__name__", "") if layers else ""
    return activation in {"softmax", "sigmoid"} or (bool(layers) and type(layers[-1]).__name__ == "Softmax")


def _probabilities(why):
    return invalid("the classifier", "logits", f"probabilities ({why})", "take the softmax off with tfadv.as_logits_model(model).")


def _forward(model, x):
    try:
        return model(x, training=False)
    except Exception as error:  # Keras and TensorFlow raise many types here; all mean that these images do not fit.
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise TfadvError(f"the classifier cannot process images of shape {_size(x.shape[1:])}: {first}") from error
