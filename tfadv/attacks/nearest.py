"""What attacks that look for the smallest perturbation remember."""

import typing

import tensorflow as tf

from tfadv.threat import per_example


class Nearest(typing.NamedTuple):
    """The nearest misclassified point so far of each example, and its distance: infinite where there is none."""

    x: tf.Tensor
    distance: tf.Tensor

    def keep(self, x_adv, reached, distance):
        better = reached & (distance < self.distance)
        x_adv = tf.where(per_example(better, x_adv), x_adv, self.x)
        return Nearest(x_adv, tf.where(better, distance, self.distance))
