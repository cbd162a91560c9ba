"""RayS: the way to the nearest misclassified corner, found with nothing but labels.

Chen, Gu: RayS: A Ray Searching Method for Hard-label Adversarial Attack, 2020.
"""

import dataclasses
import typing

import tensorflow as tf

from tfadv.attacks.decision_based import DecisionBasedAttack, another_image
from tfadv.attacks.loops import active
from tfadv.attacks.loops.random_search import rows_where
from tfadv.passes import Passes
from tfadv.tensors import per_example

# Two radii that differ by less, as a share of the width of the box, are the same (the authors' code).
TOLERANCE = 1e-3


class Ray(typing.NamedTuple):
    """Where each example stands; one row an example."""

    found: tf.Tensor  # the point on the best ray, as far as the ball allows
    signs: tf.Tensor  # the best ray, of 1 and -1,
    radius: tf.Tensor  # and how far along it the model is fooled
    tried: tf.Tensor  # the ray that is being tried
    low: tf.Tensor  # the model is not fooled so far along it,
    high: tf.Tensor  # and it is here
    searching: tf.Tensor  # whether the radius of that ray is being halved
    level: tf.Tensor  # a ray is changed in one of 2^level blocks of values,
    block: tf.Tensor  # this one


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class RayS(DecisionBasedAttack):
    """x' = x + r d, d in {-1, 1}^pixels, with the smallest r at which the model is fooled.

    The signs of one block of values after another are turned, first of all values, then of each half, each quarter
    and so on (algorithm 3). A ray that fools the model at the best radius so far is better: its own radius is found
    by halving (algorithm 2). Each query is one label, and an image whose radius lies within eps is left alone.
    The first ray leads towards another image of the batch that the model takes for what is wanted, where there is one.

    Args:
        queries: labels asked about each image, at least 1.

    >>> RayS(queries=10_000)(model, x, y, threat=LInf(8 / 255))  # doctest: +SKIP
    """

    on_rows: typing.ClassVar[bool] = True
    norms: typing.ClassVar[tuple[str, ...]] = ("linf",)

    def perturb(self, problem, threat, seed):
        logits = problem.logits_fn(problem.x)
        alive = tf.cast(tf.where(~problem.reached(logits))[:, 0], tf.int32)
        there, other = another_image(problem, logits, seed)
        way = tf.where(per_example(there, problem.x) & (other < problem.x), -1.0, 1.0)
        here = problem.only(alive)
        found = active.loop(here, self._step(threat), _first(here.x, tf.gather(way, alive), threat), self.queries)[0]
        return tf.tensor_scatter_nd_update(problem.x, alive[:, None], found)

    def _step(self, threat):
        """Ask about one point of each example."""

        def step(t, problem, ray):
            asked = tf.where(ray.searching, (ray.low + ray.high) / 2, ray.radius)
            point = threat.clip(problem.x + asked[:, None] * ray.tried)
            fooled = problem.reached(problem.logits_fn(point))
            done = fooled & (asked <= threat.eps)
            ray = ray._replace(
                low=tf.where(fooled, tf.where(ray.searching, ray.low, 0.0), asked),
                high=tf.where(fooled, asked, ray.high),
                searching=fooled | ray.searching,
            )
            return done, point, _turned(ray, problem.x, threat)

        return step

    def cost(self, classes):
        return Passes(self.queries + 1, 0)


def _width(threat):
    """How far two points of the box can lie apart; as far as the ball allows, where there is no box."""
    return threat.eps if threat.box is None else threat.box[1] - threat.box[0]


def _first(x, way, threat):
    """A corner of the box."""
    rows = tf.shape(x)[:1]
    far, none = tf.fill(rows, tf.cast(_width(threat), tf.float32)), tf.zeros(rows, tf.int32)
    return Ray(
        found=x, signs=way, radius=far, tried=way, low=tf.zeros(rows), high=far,
        searching=tf.zeros(rows, tf.bool), level=none, block=none,
    )  # fmt: skip


def _turned(ray, x, threat):
    """Where a ray is done with, the next one: the best with the signs of one block turned."""
    better = ray.searching & (ray.high - ray.low < TOLERANCE * _width(threat))
    over = better | ~ray.searching
    signs = rows_where(better, ray.tried, ray.signs)
    radius = tf.where(better, ray.high, ray.radius)
    values = x.shape[-1]
    size = -(-values // tf.bitwise.left_shift(1, ray.level))
    first, place = (ray.block * size)[:, None], tf.range(values)[None]
    turned = tf.where((place >= first) & (place < first + size[:, None]), -signs, signs)
    last = over & ((ray.block + 1) * size >= values)
    level = tf.where(last, tf.where(size == 1, 0, ray.level + 1), ray.level)
    return ray._replace(
        found=threat.clip(x + tf.minimum(radius, threat.eps)[:, None] * signs), signs=signs, radius=radius,
        tried=rows_where(over, turned, ray.tried), searching=ray.searching & ~over,
        level=level, block=tf.where(last, 0, ray.block + tf.cast(over, tf.int32)),
    )  # fmt: skip
