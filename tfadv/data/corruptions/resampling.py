"""Images looked at in other places: between the pixels, shifted, enlarged. Images (n, h, w, c)."""

import numpy as np


def sampled(x, rows, columns, edge="mirror"):
    """Each image at positions of its own, (n, h, w) floats each, by bilinear interpolation.

    Args:
        edge: what lies outside: `"mirror"` (c b | a b c) or `"reflect"` (b a | a b c), as in scipy.ndimage.
    """
    image, found = np.arange(len(x))[:, None, None], 0.0
    for row, down in _neighbors(rows):
        for column, right in _neighbors(columns):
            seen = x[image, inside(row, x.shape[1], edge), inside(column, x.shape[2], edge)]
            found = found + (down * right)[..., None] * seen
    return found


def _neighbors(at):
    """The whole places around each, and their shares."""
    low = np.floor(at).astype(int)
    return (low, 1 - (at - low)), (low + 1, at - low)


def inside(places, length, edge):
    """Whole places on an axis of this length, those outside folded back into it."""
    if length == 1:
        return np.zeros_like(places)
    if edge == "mirror":
        return length - 1 - np.abs(length - 1 - places % (2 * length - 2))
    folded = places % (2 * length)
    return np.minimum(folded, 2 * length - 1 - folded)


def shifted(x, down, right):
    """Each image moved by whole pixels of its own, (n,) ints each; at the edges its last pixels are repeated."""
    rows = np.clip(np.arange(x.shape[1]) + down[:, None], 0, x.shape[1] - 1)
    columns = np.clip(np.arange(x.shape[2]) + right[:, None], 0, x.shape[2] - 1)
    return x[np.arange(len(x))[:, None, None], rows[:, :, None], columns[:, None, :]]


def zoomed(x, factor):
    """The middle of the images, enlarged to their size: the authors' `clipped_zoom`, scipy.ndimage.zoom of order 1."""
    for axis in (1, 2):
        length = x.shape[axis]
        cut = int(np.ceil(length / factor))
        grown = round(cut * factor)
        at = (length - cut) // 2 + np.arange(grown) * (cut - 1) / max(grown - 1, 1)
        first = (grown - length) // 2
        x = _along(x, at[first : first + length], axis)
    return x


def _along(x, at, axis):
    """The images at positions between the pixels of one axis."""
    low = np.floor(at).astype(int)
    share = (at - low).reshape([-1 if i == axis else 1 for i in range(4)])
    return (1 - share) * x.take(low, axis) + share * x.take(np.minimum(low + 1, x.shape[axis] - 1), axis)


def motion_blurred(x, radius, sigma, angles):
    """Blurred in one direction for each image, in degrees, with half of a normal filter, as ImageMagick does."""
    weights = np.exp(-(np.arange(2 * radius + 1) ** 2) / (2 * sigma**2))
    blurred = np.zeros_like(x)
    for i, weight in enumerate(weights / weights.sum()):
        down, right = (np.ceil(i * part(np.deg2rad(angles)) - 0.5).astype(int) for part in (np.sin, np.cos))
        blurred += np.float32(weight) * shifted(x, down, right)
    return blurred
