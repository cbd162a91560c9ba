"""What attacks remember of the way: the best point of an ascent, the nearest misclassified one of a search."""

import typing

import tensorflow as tf

from tfadv.tensors import per_example


def remembered(climb, loss, gradient, fooled):
    """The state of an ascent after its present point is known.

    Args:
        climb: a named tuple with, a row an example, the present point `x`; the highest so far `best`, its gradient
            `best_gradient` and loss `top`; the last misclassified point `fooling`, and `fooled`, whether there is one:
            both () where an example ends with it.
        loss, gradient, fooled: at `x`.
    """
    better = loss > climb.top
    at = per_example(better, climb.x)
    climb = climb._replace(
        best=tf.where(at, climb.x, climb.best),
        best_gradient=tf.where(at, gradient, climb.best_gradient),
        top=tf.where(better, loss, climb.top),
    )
    if isinstance(climb.fooled, tuple):
        return climb
    won = tf.where(per_example(fooled, climb.x), climb.x, climb.fooling)
    return climb._replace(fooling=won, fooled=climb.fooled | fooled)


class Nearest(typing.NamedTuple):
    """The nearest misclassified point so far of each example, and its distance: infinite where there is none."""

    x: tf.Tensor
    distance: tf.Tensor

    def keep(self, x_adv, reached, distance):
        better = reached & (distance < self.distance)
        x_adv = tf.where(per_example(better, x_adv), x_adv, self.x)
        return Nearest(x_adv, tf.where(better, distance, self.distance))
