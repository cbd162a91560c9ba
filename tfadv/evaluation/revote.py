"""Whether fresh votes of a model that answers at random agree with recorded ones, and how much chance may change."""

import typing

import numpy as np

from tfadv.evaluation.judge import CLEAR, SECOND, Judge

# So far from what was recorded fresh votes never are by chance: 6 in 100,000 of normal deviations.
DEVIATIONS = 4
# Of an image that was found fooled at least so many fresh passes are: what wins a vote of 100 by luck, in one of some
# ten thousand askings, is fooled in 38 of 100 passes, and 100 others may find 13 fewer.
FOOLED = 0.25


class Fresh(typing.NamedTuple):
    """Fresh votes on images, each (k,).

    Attributes:
        right: whether a majority of as many passes as recorded was right.
        share: the share of right passes; of 100 others where that majority is not the recorded one.
    """

    right: np.ndarray
    share: np.ndarray

    def contradicted(self, recorded: np.ndarray) -> np.ndarray:
        """Where nine of ten passes say otherwise than a recorded vote on a clean image: (k,) bool."""
        return np.where(recorded, self.share < CLEAR, self.share > 1 - CLEAR)

    def tolerance(self, draws: int) -> float:
        """By how much the share of right images may differ, by chance, between two votes of `draws` passes each."""
        from scipy.stats import binom

        chance = binom.sf(draws // 2, draws, self.share)
        return float(DEVIATIONS * np.sqrt(2 * np.sum(chance * (1 - chance))) / len(chance))


def fresh(judge: Judge, x: np.ndarray, at: np.ndarray, recorded: np.ndarray, attacked: bool) -> Fresh:
    """Ask a random model again.

    Args:
        x: images, (k, h, w, c), in the place of the judged images `at`, (k,).
        recorded: what the recorded votes said, (k,) bool.
        attacked: whether rejecting the images counts as right.
    """
    share = judge.share_right(x, at, attacked=attacked)
    right = share > 0.5
    other = np.flatnonzero(right != recorded)
    if other.size:
        share[other] = judge.share_right(x[other], at[other], attacked=attacked, draws=SECOND, ballot=1)
    return Fresh(right, share)
