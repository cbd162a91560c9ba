"""DeepFool: step to the nearest boundary of the linearized classifier until the prediction changes.

Moosavi-Dezfooli, Fawzi, Frossard: DeepFool, a simple and accurate method to fool deep neural networks, 2016.
"""

import dataclasses
import typing

import tensorflow as tf

from tfadv import gradients
from tfadv.attacks.base import MinimumNormAttack
from tfadv.attacks.options import check_choice, check_flag, check_number, check_whole
from tfadv.passes import Passes
from tfadv.tensors import finite_or


@dataclasses.dataclass(frozen=True)
class Variant:
    """What the published codes do differently.

    Attributes:
        steps: the most iterations.
        nudge: added to the distance of every step, so that it ends beyond the boundary.
        floor: added to the squared length of a gradient.
        overshot: linearize at the point with overshoot (which is also tested) or at the point without.
    """

    steps: int
    nudge: float
    floor: float
    overshot: bool


VARIANTS = {
    # The authors' code: 50 iterations.
    "paper": Variant(steps=50, nudge=1e-4, floor=0.0, overshot=True),
    # Deng, Zhang, Zhao 2019: "max_iter = 5", compared with <=, is 6 iterations. Otherwise the paper's
    # iteration: an overshoot of every step is the same as one of their sum.
    "seed001": Variant(steps=6, nudge=1e-4, floor=0.0, overshot=True),
    # Yan, Guo, Zhang 2018 (Deep Defense): differentiable, iterates on the boundary, tests beyond it.
    "deepdefense": Variant(steps=5, nudge=0.0, floor=5e-6, overshot=False),
}


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class DeepFool(MinimumNormAttack):
    """r = |h_l| / ||w_l||^2 * w_l with l the nearest class: w_k = grad z_k - grad z_y, h_k = z_k - z_y.

    Images that the model already gets wrong are left as they are: to measure distances of predictions
    (rho_2), pass the predictions as labels. With targets, each step goes from the present prediction to the
    target.

    Args:
        variant: `"paper"`, `"seed001"` or `"deepdefense"`; see `VARIANTS`.
        steps: the most iterations; None is the variant's own.
        overshoot: the sum of all steps is lengthened by this share.
        classes: only so many of the highest logits are considered, at least 2.
        clip: keep every iterate of `minimal` in the box; the papers do not. Within a threat model
            it always is.

    >>> DeepFool().minimal(model, x, y, norm="l2")  # doctest: +SKIP
    """

    on_rows: typing.ClassVar[bool] = True
    xla_compatible: typing.ClassVar[bool] = False
    norms: typing.ClassVar[tuple[str, ...]] = ("linf", "l2")

    variant: str = "paper"
    steps: int | None = None
    overshoot: float = 0.02
    classes: int = 10
    clip: bool = False

    def __post_init__(self):
        check_choice(self, "variant", VARIANTS)
        if self.steps is not None:
            check_whole(self, "steps")
        check_number(self, "overshoot")
        check_whole(self, "classes", least=2)
        check_flag(self, "clip")

    def perturb(self, problem, threat, seed):
        """Within a threat model the box counts: every iterate is clipped."""
        return dataclasses.replace(self, clip=True).search(problem, threat, seed)

    def search(self, problem, threat, seed):
        """The first step is everybody's; after it only examples that still resist are gathered and linearized."""
        variant = VARIANTS[self.variant]
        steps = self.steps or variant.steps

        def later(t, moved, alive, logits):
            here, total = problem.only(alive), tf.gather(moved, alive)
            point = self._point(threat, here.x, total, self.overshoot if variant.overshot else 0.0)
            at_point, pullback = gradients.logits_and_pullback(problem.logits_fn, point)
            directions = self._directions(here, tf.gather(rivals, alive), logits)
            total += nearest_crossing(at_point, pullback, directions, threat, variant)
            logits = problem.logits_fn(self._point(threat, here.x, total, self.overshoot))
            moved = tf.tensor_scatter_nd_update(moved, alive[:, None], total)
            return t + 1, moved, *remaining(problem, alive, logits)

        logits, pullback = gradients.logits_and_pullback(problem.logits_fn, problem.x)
        rivals = problem.rivals(logits)[:, : self.classes - 1]
        resists = ~problem.reached(logits)
        moved = nearest_crossing(logits, pullback, self._directions(problem, rivals, logits), threat, variant, resists)
        logits = problem.logits_fn(self._point(threat, problem.x, moved, self.overshoot))
        alive, logits = remaining(problem, tf.range(tf.shape(logits)[0]), logits)
        _, moved, _, _ = tf.while_loop(
            lambda t, moved, alive, logits: (t < steps) & (tf.size(alive) > 0),
            later,
            (1, moved, alive, logits),
            maximum_iterations=steps - 1,
        )
        return self._point(threat, problem.x, moved, self.overshoot)

    def _point(self, threat, x, total, overshoot):
        x_adv = x + (1 + overshoot) * total
        return threat.clip(x_adv) if self.clip else x_adv

    def _directions(self, problem, rivals, logits):
        """The differences of logits that are to be driven to zero: (n, rivals, classes)."""
        start, ends = problem.own(logits), rivals
        if problem.targets is not None:
            start, ends = tf.argmax(logits, axis=-1, output_type=tf.int32), problem.targets[:, None]
        return tf.one_hot(ends, logits.shape[-1]) - tf.one_hot(start, logits.shape[-1])[:, None]

    def cost(self, classes):
        steps = self.steps or VARIANTS[self.variant].steps
        # Each step: the gradients of every rival and of the nearest one again, and a look at where it leads.
        return Passes(2 * steps, steps * min(self.classes, classes))


def remaining(problem, alive, logits):
    """Which of the examples `alive` still resist, and their logits."""
    resists = ~problem.only(alive).reached(logits)
    return tf.boolean_mask(alive, resists), tf.boolean_mask(logits, resists)


def nearest(logits, pullback, directions, threat, floor):
    """The combination of logits whose zero is nearest in the linearized classifier.

    Args:
        logits: (n, classes) at the point of linearization; pullback: directions (n, classes) to gradients.
        directions: the combinations, (n, r, classes); threat: in whose norm.
        floor: added to the (squared) length of a gradient.

    Returns:
        Of the nearest: its gap (n,), the length of its gradient (n,), its direction (n, classes).
    """
    gap = tf.einsum("nk,nrk->nr", logits, directions)
    length = tf.stack([threat.dual_length(pullback(d), floor) for d in tf.unstack(directions, axis=1)], axis=1)
    distance = tf.where(length > 0, tf.math.divide_no_nan(tf.abs(gap), length), float("inf"))
    at = tf.argmin(distance, axis=1, output_type=tf.int32)
    return [tf.gather(values, at, axis=1, batch_dims=1) for values in (gap, length, directions)]


def nearest_crossing(logits, pullback, directions, threat, variant, resists=None):
    """The shortest step that closes one of the gaps, (n, h, w, c); 0 for examples that do not resist.

    Where a pixel has no finite gradient, the step is looked for without it; a look at the lengths tells.
    """
    gap, length, direction = nearest(logits, pullback, directions, threat, variant.floor)
    finite = tf.reduce_all(tf.math.is_finite(gap) & tf.math.is_finite(length))

    def plain():
        return crossing(gap, length, pullback(direction), threat, variant.nudge, resists)

    def guarded():
        clean = lambda d: finite_or(0.0, pullback(d))  # noqa: E731
        gap, length, direction = nearest(logits, clean, directions, threat, variant.floor)
        return finite_or(0.0, crossing(gap, length, clean(direction), threat, variant.nudge, resists))

    return tf.cond(finite, plain, guarded)


def crossing(gap, length, w, threat, nudge, resists=None):
    """|h| / ||w|| + nudge towards closing the gap: along w / ||w||_2 in l_2, along sign(w) in l_inf."""
    distance = tf.math.divide_no_nan(tf.abs(gap), length) + nudge
    if resists is not None:
        distance = tf.where(resists, distance, 0.0)
    return threat.towards_hyperplane(w, distance, length)
