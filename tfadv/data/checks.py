"""What arrays must be to count as images and labels, and what to tell the person whose arrays are not."""

import numpy as np

from tfadv.errors import invalid


def check_images(images):
    """Return the images as uint8 or float32, (n, height, width, channels).

    Raises:
        TfadvError: for another shape or type, no images, values that are not numbers or lie outside [0, 1].
    """
    images = np.asarray(images)
    if images.ndim != 4:
        raise invalid(
            "images", "an array (n, height, width, channels)", f"shape {images.shape}", _shape_hint(images)
        )
    if images.size == 0:
        raise invalid("images", "at least one image", f"an empty array of shape {images.shape}")
    if images.shape[3] not in (1, 3) and images.shape[1] in (1, 3):
        raise invalid(
            "images", "channels last (n, height, width, channels)", f"shape {images.shape}",
            "move them with x.transpose(0, 2, 3, 1).",
        )  # fmt: skip
    if images.dtype == np.uint8:
        return images
    if not np.issubdtype(images.dtype, np.floating):
        raise invalid("images", "uint8, or float in [0, 1]", f"type {images.dtype}", "use x.astype('uint8').")
    return _check_range(images).astype(np.float32, copy=False)


def _shape_hint(images):
    if images.ndim == 3:
        return "add the channel of grayscale images with x[..., None]."
    return "reshape them to images with x.reshape(n, height, width, channels)." if images.ndim == 2 else ""


def _check_range(images):
    low, high = float(images.min()), float(images.max())
    if not np.isfinite([low, high]).all():
        raise invalid(
            "images", "finite numbers in [0, 1]", "NaN or infinity", "find them with ~np.isfinite(x)."
        )
    if low >= 0 and high <= 1:
        return images
    if low >= 0 and 1 < high <= 255:
        hint = "divide them by 255, or store them as x.astype('uint8')."
    else:
        hint = "undo their normalization: mean and standard deviation belong inside the model."
    raise invalid("float images", "values in [0, 1]", f"{low:g} to {high:g}", hint)


def check_labels(labels):
    """Return the labels as int32, (n,).

    Raises:
        TfadvError: for one-hot, float or negative labels.
    """
    labels = np.asarray(labels)
    if labels.ndim == 2 and labels.shape[1] > 1:
        raise invalid(
            "labels",
            "integer class indices (n,)",
            f"shape {labels.shape}, perhaps one-hot",
            "use y.argmax(axis=1).",
        )
    if labels.ndim != 1:
        raise invalid("labels", "integer class indices (n,)", f"shape {labels.shape}", "use y.reshape(-1).")
    if not np.issubdtype(labels.dtype, np.integer):
        hint = "use y.astype('int32')." if labels.dtype.kind in "fb" else ""
        raise invalid("labels", "integer class indices (ints)", f"type {labels.dtype}", hint)
    return _check_indices(labels).astype(np.int32, copy=False)


def _check_indices(labels):
    if len(labels) and labels.min() < 0:
        raise invalid("labels", "class indices from 0", f"the negative label {labels.min()}")
    # A label names a class and every class costs an output: more than this is an identifier, not a class.
    if len(labels) and labels.max() >= 1_000_000:
        raise invalid("labels", "class indices counted from 0 without gaps", f"the label {labels.max()}")
    return labels


def check_pair(images, labels):
    """Raise TfadvError unless there is one label per image."""
    if len(images) != len(labels):
        raise invalid("labels", f"one per image, {len(images)} in all", len(labels))
