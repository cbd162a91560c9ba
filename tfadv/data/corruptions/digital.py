"""What processing does: brightness, contrast, warping, large pixels, JPEG. Images (n, h, w, c) in [0, 1]."""

import io

import numpy as np

from tfadv.data.corruptions.resampling import sampled


def brightness(x, rng, added):
    """The value of each pixel (in HSV: its largest channel) rises; hue and saturation stay."""
    value = x.max(axis=3, keepdims=True)
    raised = np.minimum(value + added, 1)
    return np.where(value > 0, x * raised / np.maximum(value, 1e-9), raised)


def contrast(x, rng, kept):
    """Each channel nearer to its mean."""
    mean = x.mean(axis=(1, 2), keepdims=True)
    return mean + kept * (x - mean)


def elastic_transform(x, rng, length, smoothness, corners):
    """A random affine map, then a random smooth one; all three constants in sides of the image."""
    side = min(x.shape[1:3])
    x = sampled(x, *_affine(x.shape, rng, corners * side))
    if not length:
        return x
    rows, columns = np.meshgrid(*map(np.arange, x.shape[1:3]), indexing="ij")
    right, down = (length * side * _smooth(rng, x.shape[:3], smoothness * side) for _ in range(2))
    return sampled(x, rows + down, columns + right, "reflect")


def _affine(shape, rng, moved):
    """Where the pixels come from when three corners of the middle move by at most so much: rows, columns."""
    n, height, width, _ = shape
    center, third = np.array([height, width]) // 2, min(height, width) // 3
    before = center + third * np.array([[1, 1], [1, -1], [-1, -1]])
    after = before + rng.uniform(-moved, moved, (n, 3, 2))
    back = np.linalg.solve(np.concatenate([after, np.ones((n, 3, 1))], axis=2), np.broadcast_to(before, (n, 3, 2)))
    rows, columns = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
    # The authors' points are (x, y).
    from_ = np.stack([columns, rows, np.ones_like(rows)], axis=-1) @ back[:, None]
    return from_[..., 1], from_[..., 0]


def _smooth(rng, shape, sigma):
    from scipy.ndimage import gaussian_filter

    return gaussian_filter(rng.uniform(-1, 1, shape), (0, sigma, sigma), mode="reflect", truncate=3)


def pixelate(x, rng, share):
    """Made smaller to this share and large again, by the mean over each pixel's area."""
    from PIL import Image

    def change(image):
        small = image.resize([max(1, int(share * side)) for side in image.size], Image.Resampling.BOX)
        return small.resize(image.size, Image.Resampling.BOX)

    return _each(x, change)


def jpeg_compression(x, rng, quality):
    """Written as JPEG of this quality, and read."""
    from PIL import Image

    def change(image):
        file = io.BytesIO()
        image.save(file, "JPEG", quality=quality)
        return Image.open(file)

    return _each(x, change)


def _each(x, change):
    """What a change of Pillow images makes of each."""
    from PIL import Image

    bytes_ = np.rint(255 * x).astype(np.uint8)
    changed = [np.asarray(change(Image.fromarray(image[..., 0] if x.shape[3] == 1 else image))) for image in bytes_]
    return np.stack(changed).reshape(x.shape) / 255
