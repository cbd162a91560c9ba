"""Whether a classifier wants its pixels in 0 to 255: eps and all figures would then be about other images."""

import numpy as np

from tfadv import remedies
from tfadv.data.split import spread_over
from tfadv.errors import invalid
from tfadv.evaluation import metrics
from tfadv.evaluation.statistics import mcnemar
from tfadv.graph.structure import expects_bytes, unchanged_variables
from tfadv.options import BATCH

IMAGES = 500
# How much accuracy images times 255 have to gain: less where the first layer tells the scale, else more than the
# contrast can bring, and not by chance.
TOLD, UNTOLD, LEVEL = 0.1, 0.3, 0.001


def check_scale(model, x, y, batch_size=BATCH):
    """Refuse a classifier that is wrong about images in [0, 1] and right about the same images in [0, 255].

    Args:
        model: images to logits.
        x, y: images, (n, h, w, c) in [0, 1], and labels, (n,) ints; 500 of them are tried.

    Raises:
        TfadvError: with the line that wraps the model.

    >>> check_scale(model, x, y)  # doctest: +SKIP
    """
    at = spread_over(len(x), IMAGES)
    with unchanged_variables(model):  # what random layers draw next does not depend on this check
        right = [metrics.correct(model, x[at] * np.float32(scale), y[at], batch_size) for scale in (1, 255)]
    test, told = mcnemar(*reversed(right)), expects_bytes(model)
    if test.difference <= (TOLD if told else UNTOLD) or not (told or test.p_value < LEVEL):
        return
    before, after = (f"{100 * part.mean():.1f} %" for part in right)
    why = f", as its {told} tells" if told else ""
    raise invalid(
        "the classifier",
        "one for pixels in [0, 1]",
        f"one for 0 to 255{why}: it is right about {before} of {len(at)} images in [0, 1], and about {after} of them "
        "times 255",
        remedies.behind("Rescaling(255)", x.shape[1:]),
    )
