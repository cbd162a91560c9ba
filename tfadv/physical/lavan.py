"""A visible patch that leads to a class: LaVAN, localized and visible adversarial noise (Karmon et al. 2018)."""

import dataclasses
import typing
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from tfadv import gradients, losses, validation
from tfadv.attacks.options import check_whole
from tfadv.errors import invalid
from tfadv.progress import silent
from tfadv.remedies import size_of
from tfadv.threat.patch import Patch


class Found(typing.NamedTuple):
    """What `LaVAN` found.

    Attributes:
        patch: (n, side, side, c), or (1, side, side, c) where it is shared.
        places: where each was put last, top row and left column, (n, 2).
        confidences: p(target) before each step, (steps made, n).
    """

    patch: np.ndarray
    places: np.ndarray
    confidences: np.ndarray


@dataclasses.dataclass(frozen=True, kw_only=True)
class LaVAN:
    """x' = (1 - m) x + m patch; Adam climbs z_target - z_source of the logits over the pixels of the patch.

    A patch of its own for each image is kept as it was where p(target) was highest, and the search ends when all
    targets have `confidence`. A shared one is as the last step leaves it.

    Source: Karmon, Zoran, Goldberg 2018, which climbs by the plain gradient.

    Args:
        area: the share of the image that the square covers.
        at: its top row and left column; None draws a place for each image anew at each step.
        shared: one patch for all images, instead of one for each.
        bounded: whether its pixels stay in [0, 1], the image domain; False is the paper's network domain.
        steps: at most; rate: Adam's learning rate, in pixels.
        confidence: p(target) that is enough.

    Raises:
        TfadvError: for values out of range; when called, for images in which the patch does not fit.

    >>> LaVAN(area=0.02)(model, x, y, targets).patch  # doctest: +SKIP
    """

    area: float = 0.02
    at: tuple[int, int] | None = (0, 0)
    shared: bool = False
    bounded: bool = True
    steps: int = 500
    rate: float = 0.05
    confidence: float = 0.9
    name: typing.ClassVar[str] = "lavan"

    def __post_init__(self):
        Patch(area=self.area, at=self.at)  # checks both
        check_whole(self, "steps")
        if not self.rate > 0:
            raise invalid("LaVAN: rate", "a number above 0", repr(self.rate))
        if not 0 < self.confidence <= 1:
            raise invalid("LaVAN: confidence", "a probability above 0", repr(self.confidence))

    def __call__(
        self,
        model: keras.Model,
        x: np.ndarray,
        y: np.ndarray,
        targets: np.ndarray,
        *,
        seed: int = 0,
        progress: Callable[..., None] = silent,
    ) -> Found:
        """Search for the patches.

        Args:
            model: images to logits.
            x: images in [0, 1], (n, h, w, c); y: the classes to leave, (n,); targets: those to reach, (n,).
            seed: of the first pixels and of the places that are drawn.
            progress: called with what is being done and how much of how much is done.

        Raises:
            TfadvError: for input that `tfadv.validation` refuses.
        """
        x = validation.images(x)
        classes = validation.classifier(model, x)
        named = {"LaVAN: y": y, "LaVAN: targets": targets}
        y, targets = (validation.labels(labels, len(x), classes, what) for what, labels in named.items())
        return self._search(_ascent(model, x, y, targets), x, np.random.default_rng(seed), progress)

    def side(self, image_shape: tuple[int, int, int]) -> int:
        """How many pixels the patch is high and wide in images of this shape.

        Raises:
            TfadvError: where it does not fit at `at`.
        """
        side = Patch(area=self.area).window(image_shape)[2]
        if self.at is not None and (np.add(self.at, side) > image_shape[:2]).any():
            expected = f"a place for {side} x {side} pixels, {self.area:.2g} of images of {size_of(image_shape[:2])}"
            hint = "take a smaller area, or at=None, which draws a place anew at each step."
            raise invalid("LaVAN: at", expected, self.at, hint)
        return side

    def draw_places(self, image_shape: tuple[int, int, int], n: int, rng: np.random.Generator) -> np.ndarray:
        """A place for each of n images, (n, 2) int32: `at`, or anywhere in the image."""
        if self.at is not None:
            return np.tile(np.int32(self.at), (n, 1))
        room = np.array(image_shape[:2]) - self.side(image_shape) + 1
        return rng.integers(0, room, (n, 2)).astype(np.int32)

    def _search(self, ascent, x, rng, progress):
        side, shape = self.side(x.shape[1:]), x.shape[1:]
        patch = tf.Variable(rng.uniform(size=(1 if self.shared else len(x), side, side, shape[2])).astype(np.float32))
        best, highest, told = patch.numpy(), np.full(len(x), -1.0), []
        optimizer = keras.optimizers.Adam(self.rate)
        for step in range(self.steps):
            progress(f"patch of {self.area:.0%}", step, self.steps)
            places = self.draw_places(shape, len(x), rng)
            reached, gradient = ascent(patch, places)
            told.append(reached.numpy())
            if not self.shared:
                better = told[-1] > highest
                best[better], highest = patch.numpy()[better], np.max(told, axis=0)
                if highest.min() >= self.confidence:
                    break
            optimizer.apply([-gradient], [patch])
            if self.bounded:
                patch.assign(tf.clip_by_value(patch, 0.0, 1.0))
        return Found(patch.numpy() if self.shared else best, places, np.array(told))


def _ascent(model, x, y, targets):
    """A function of the patch and its places: p(target), (n,), and the gradient of z_target - z_source."""
    logits_fn, x, y, targets = gradients.logits_of(model), *map(tf.constant, (x, y, targets))

    @tf.function(autograph=False)
    def ascent(patch, places):
        patched = lambda patch: logits_fn(paste(x, patch, places))  # noqa: E731
        gap = lambda z: losses.true_logit(targets, z) - losses.true_logit(y, z)  # noqa: E731
        z, _, gradient = gradients.logits_and_gradient(patched, patch, gap)
        return losses.true_logit(targets, tf.nn.softmax(z)), gradient

    return lambda patch, places: ascent(tf.convert_to_tensor(patch), tf.constant(places))


def paste(x: tf.Tensor, patch: tf.Tensor, places: tf.Tensor) -> tf.Tensor:
    """Images with a patch each, differentiable in the patch.

    Args:
        x: images, (n, h, w, c); patch: (n, s, s, c), or (1, s, s, c) for all of them.
        places: top row and left column of each, (n, 2) ints.

    >>> paste(tf.zeros([1, 2, 2, 1]), tf.ones([1, 1, 1, 1]), [[0, 1]])[0, ..., 0].numpy()
    array([[0., 1.],
           [0., 0.]], dtype=float32)
    """
    x, patch = tf.convert_to_tensor(x), tf.convert_to_tensor(patch)
    patch = tf.broadcast_to(patch, [tf.shape(x)[0], *patch.shape[1:]])
    covered = []
    for axis in (1, 2):  # rows, then columns
        side = patch.shape[axis]
        within = tf.range(x.shape[axis])[None] - tf.cast(places, tf.int32)[:, axis - 1, None]
        patch = tf.gather(patch, tf.clip_by_value(within, 0, side - 1), axis=axis, batch_dims=1)
        covered.append((within >= 0) & (within < side))
    mask = covered[0][:, :, None, None] & covered[1][:, None, :, None]
    return tf.where(mask, patch, x)
