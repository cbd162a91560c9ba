"""What attacks that climb a loss remember of the way."""

import tensorflow as tf

from tfadv.threat import per_example


def remembered(climb, loss, gradient, fooled):
    """The state of an ascent after a look at where it stands.

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
