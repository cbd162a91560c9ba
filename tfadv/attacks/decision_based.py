"""What decision-based attacks share: a number of queries, and another image to start at."""

import dataclasses
import typing

import tensorflow as tf

from tfadv import random
from tfadv.attacks.base import Attack
from tfadv.attacks.options import SHOWN, check_whole


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class DecisionBasedAttack(Attack):
    """Sees only the labels that the model predicts; subclasses write `perturb` and `cost`.

    Args:
        queries: predictions for each image, at least 1.
    """

    xla_compatible: typing.ClassVar[bool] = False
    black_box: typing.ClassVar[bool] = True
    decision_based: typing.ClassVar[bool] = True
    seeded: typing.ClassVar[bool] = True

    queries: int = dataclasses.field(default=5000, metadata=SHOWN)

    def __post_init__(self):
        check_whole(self, "queries")


def another_image(problem, logits, seed):
    """For each example, whether another image of the batch would do, and one such image."""
    predicted = tf.argmax(logits, axis=-1, output_type=tf.int32)
    if problem.targets is None:
        would = predicted != problem.labels[:, None]
        would &= (predicted != problem.classes(logits)) | (not problem.reject)
    else:
        would = predicted == problem.targets[:, None]
    chosen = tf.argmax(tf.where(would, random.uniform(tf.shape(would), seed), 0.0), axis=1)
    return tf.reduce_any(would, axis=1), tf.gather(problem.x, chosen)
