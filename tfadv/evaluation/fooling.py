"""The images that fooled a classifier, exactly as the attacks found them, kept batch by batch."""

import numpy as np


class FoolingImages:
    """What fooled a classifier, by the number of the judged image; the last one where there were several.

    Each batch is written once, so that keeping it costs what it weighs, however many were kept before.

    Args:
        image_shape: (height, width, channels).
        journal: a `Journal`, which keeps the batches until the evaluation is complete.

    Attributes:
        batches: how many have been kept.
    """

    def __init__(self, image_shape, journal):
        self.image_shape, self.journal = image_shape, journal
        self.batches, self._images = 0, {}

    def add(self, at, x_adv):
        """Keep the images `x_adv`, (k, h, w, c), that fooled the classifier in the place of the judged images `at`."""
        if len(at):
            self.journal.keep(self.batches, image=at, x_adv=x_adv)
            self._take(at, x_adv)

    def resume(self, batches):
        """Take up what an interrupted evaluation kept; whether all of these batches are there."""
        try:
            for number in range(batches):
                self._take(**self.journal.kept(number))
        except KeyError:
            self.batches, self._images = 0, {}
            return False
        return True

    def _take(self, image, x_adv):
        self.batches += 1
        self._images.update(zip(image.tolist(), x_adv, strict=True))

    def of(self, at):
        """The images that fooled the classifier in the place of the judged images `at`: (k, h, w, c) float32."""
        return np.stack([self._images[int(i)] for i in at]) if len(at) else np.zeros((0, *self.image_shape), np.float32)
