"""Write corruption_reference.npz: what the published code makes of one small and one larger image.

    python -m venv reference && reference/bin/pip install imagecorruptions opencv-python-headless scikit-image
    reference/bin/python tests/data/corruption_reference.py

`imagecorruptions` is the authors' code for ImageNet-C as a package. Its constants are taken as they are for the larger
image; for the small one they are replaced by those of CIFAR-10-C. Two functions are not those of the published sets
and are written here by their definition: the zoom, of which the authors keep the middle, and the elastic transform,
which begins with an affine map there. Random numbers come from `numpy.random.seed(severity)`.
"""

import ast
import importlib.util
from pathlib import Path

import cv2
import numpy as np
import scipy.ndimage
import skimage
from PIL import Image

SMALL = {
    "gaussian_noise": [0.04, 0.06, 0.08, 0.09, 0.10],
    "shot_noise": [500, 250, 100, 75, 50],
    "impulse_noise": [0.01, 0.02, 0.03, 0.05, 0.07],
    "defocus_blur": [(0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1, 0.2), (1.5, 0.1)],
    "glass_blur": [(0.05, 1, 1), (0.25, 1, 1), (0.4, 1, 1), (0.25, 1, 2), (0.4, 1, 2)],
    "motion_blur": [(6, 1), (6, 1.5), (6, 2), (8, 2), (9, 2.5)],
    "zoom_blur": [np.arange(1, end, 0.01) for end in (1.06, 1.11, 1.16, 1.21, 1.26)],
    "snow": [
        (0.1, 0.2, 1, 0.6, 8, 3, 0.95),
        (0.1, 0.2, 1, 0.5, 10, 4, 0.9),
        (0.15, 0.3, 1.75, 0.55, 10, 4, 0.9),
        (0.25, 0.3, 2.25, 0.6, 12, 6, 0.85),
        (0.3, 0.3, 1.25, 0.65, 14, 12, 0.8),
    ],
    "frost": [(1, 0.2), (1, 0.3), (0.9, 0.4), (0.85, 0.4), (0.75, 0.45)],
    "fog": [(0.2, 3), (0.5, 3), (0.75, 2.5), (1, 2), (1.5, 1.75)],
    "brightness": [0.05, 0.1, 0.15, 0.2, 0.3],
    "contrast": [0.75, 0.5, 0.4, 0.3, 0.15],
    "pixelate": [0.95, 0.9, 0.85, 0.75, 0.65],
    "jpeg_compression": [80, 65, 58, 50, 40],
}
ELASTIC = {
    32: [(0, 0, 0.08), (0.05, 0.2, 0.07), (0.08, 0.06, 0.06), (0.1, 0.04, 0.05), (0.1, 0.03, 0.03)],
    64: [(2, 0.7, 0.1), (2, 0.08, 0.2), (0.05, 0.01, 0.02), (0.07, 0.01, 0.02), (0.12, 0.01, 0.02)],
}
SIDES = {32: 32, 64: 64 * 244 / 224}  # that these are shares of: for images of 224 pixels the authors write 244
# What is kept of an image: 6 x 6 of its pixels.
KEPT = 6
# Frost is another photograph each time, impulses come from another generator: of them the mean and the deviation.
MANY, STATISTICS = 400, ("frost", "impulse_noise")
PIXELS = (*(name for name in SMALL if name not in STATISTICS), "elastic_transform")


class Constants(ast.NodeTransformer):
    """In each function `name`, `c = [...][severity - 1]` becomes `c = CONSTANTS[name][severity - 1]`."""

    def visit_FunctionDef(self, function):
        for node in ast.walk(function):
            chosen = isinstance(node, ast.Assign) and getattr(node.targets[0], "id", None) == "c"
            if chosen and function.name in SMALL:
                node.value.value = ast.parse(f"CONSTANTS[{function.name!r}]", mode="eval").body
        return function


def published(constants=None):
    """The functions of `imagecorruptions`, for the versions of today, with these constants or their own."""
    path = Path(importlib.util.find_spec("imagecorruptions").origin).with_name("corruptions.py")
    text = path.read_text().replace("np.float_", "float").replace("scipy.ndimage.interpolation", "scipy.ndimage")
    text = text.replace("from pkg_resources import resource_filename", "").replace("Image.NEAREST", "Image.BOX")
    tree = ast.parse(text)
    if constants:
        tree = ast.fix_missing_locations(Constants().visit(tree))
    names = {"CONSTANTS": constants, "__name__": "corruptions"}
    exec(compile(tree, str(path), "exec"), names)
    names["resource_filename"] = lambda _, name: str(path.parent / name)
    names["gaussian"] = lambda x, sigma, multichannel=False: skimage.filters.gaussian(
        x, sigma=sigma, channel_axis=-1 if multichannel else None
    )
    names["clipped_zoom"] = zoomed
    return names


def zoomed(image, factor):
    """The middle of the image, enlarged to its size."""
    height = len(image)
    cut = int(np.ceil(height / factor))
    first = (height - cut) // 2
    grown = scipy.ndimage.zoom(image[first : first + cut, first : first + cut], (factor, factor, 1), order=1)
    trim = (len(grown) - height) // 2
    return grown[trim : trim + height, trim : trim + height]


def elastic_transform(image, severity):
    """An affine map of three points, then a smooth random one."""
    x = np.array(image, np.float32) / 255
    side = len(x)
    length, sigma, corners = (SIDES[side] * part for part in ELASTIC[side][severity - 1])
    middle, third = np.float32([side // 2] * 2), side // 3
    before = np.float32([middle + third, middle + [third, -third], middle - third])
    after = before + np.random.uniform(-corners, corners, before.shape).astype(np.float32)
    x = cv2.warpAffine(x, cv2.getAffineTransform(before, after), (side, side), borderMode=cv2.BORDER_REFLECT_101)
    uniform = np.random.uniform(-1, 1, (2, side, side))
    right, down = (length * skimage.filters.gaussian(u, sigma, mode="reflect", truncate=3) for u in uniform)
    rows, columns = np.mgrid[:side, :side]
    at = [rows + down, columns + right]
    moved = [scipy.ndimage.map_coordinates(x[..., k], at, order=1, mode="reflect") for k in range(3)]
    return 255 * np.clip(np.stack(moved, axis=-1), 0, 1)


def picture(side):
    """Colored waves of 16 steps, from black to white: (side, side, 3) bytes."""
    rows, columns = np.mgrid[:side, :side] / side
    waves = [np.sin(9 * rows + 4 * columns), np.cos(12 * columns * rows + 1), np.sin(15 * columns - 5 * rows)]
    return np.uint8(17 * np.round(7.5 * (1 + np.stack(waves, axis=-1))))


def main():
    """Write the arrays: images `small` and `large`; of each `pixels` (13, 5, 6, 6, 3) and `statistics` (2, 5, 2)."""
    found = {}
    for size, side, functions in (("small", 32, published(SMALL)), ("large", 64, published())):
        functions["elastic_transform"] = elastic_transform
        found[size] = picture(side)
        image = Image.fromarray(found[size])
        for kind, names in (("pixels", PIXELS), ("statistics", STATISTICS)):
            found[f"{size}_{kind}"] = [
                [of_severity(functions[name], image, severity, name) for severity in range(1, 6)] for name in names
            ]
    np.savez_compressed(Path(__file__).with_suffix(".npz"), **found)


def of_severity(function, image, severity, name):
    np.random.seed(severity)
    if name in STATISTICS:
        many = np.stack([np.uint8(function(image, severity)) for _ in range(MANY)])
        return [many.mean(), many.var(axis=0).mean() ** 0.5]
    at = np.linspace(0, image.size[0] - 1, KEPT).astype(int)
    return np.uint8(function(image, severity))[at][:, at]


if __name__ == "__main__":
    main()
