"""Projected gradient descent, the standard first-order attack: restarts, momentum, the best point kept.

Madry et al.: Towards Deep Learning Models Resistant to Adversarial Attacks, 2018. Momentum: Dong et al.,
2018.
"""

import dataclasses
import typing

import tensorflow as tf

from tfadv import losses, random
from tfadv.attacks.base import Attack
from tfadv.attacks.loops import active, together
from tfadv.attacks.options import SHOWN, check_choice, check_flag, check_number, check_whole
from tfadv.errors import invalid
from tfadv.passes import Passes
from tfadv.tensors import finite_or, flat_sum, per_example
from tfadv.threat import NORMS


class Best(typing.NamedTuple):
    """The strongest point so far of each example: misclassified before not, then the higher loss."""

    x: tf.Tensor
    reached: tf.Tensor
    loss: tf.Tensor

    def keep(self, x_adv, reached, loss):
        better = (reached & ~self.reached) | ((reached == self.reached) & (loss > self.loss))
        return Best(
            tf.where(per_example(better, x_adv), x_adv, self.x),
            self.reached | reached,
            tf.where(better, loss, self.loss),
        )


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class PGD(Attack):
    """x_{t+1} = project(x_t + step_size * steepest(grad L(x_t, y))).

    Args:
        steps: number of gradient steps, at least 1.
        step_size: length of a step in the norm of the threat model; None is 2.5 eps / steps (Madry et al.; in
            l_0, 1.5), and `"eps/T"` is eps / steps, the rule that needs no projection.
        random_start: begin at a random point of the ball instead of at x; a number below 1 is the standard deviation
            of normal noise to begin with instead (TRADES: 0.001).
        restarts: how often to begin anew, at least 1; the best point of all is returned.
        momentum: decay of the accumulated, l1-normalized gradient; 0 is plain PGD.
        loss: `"ce"`, `"margin"`, `"dlr"` or `"kl"`: KL(softmax z(x) || softmax z(x_adv)), the inner maximization of
            TRADES (Zhang et al. 2019, eq. 5). It needs a random start, as its gradient is 0 at x.
        keep_best: return the strongest point met on the way (one more forward pass) instead of the last one.
        early_stop: leave an image alone once it is misclassified; of the others the last point is returned.

    >>> PGD(steps=40, restarts=5)(model, x, y, threat=L2(0.5))  # doctest: +SKIP
    """

    on_rows: typing.ClassVar[bool] = True
    norms: typing.ClassVar[tuple[str, ...]] = tuple(NORMS)

    steps: int = dataclasses.field(default=40, metadata=SHOWN)
    step_size: float | str | None = None
    random_start: bool | float = True
    restarts: int = 1
    momentum: float = 0.0
    loss: str = "ce"
    keep_best: bool = True
    early_stop: bool = False

    def __post_init__(self):
        check_whole(self, "steps", "restarts")
        check_choice(self, "loss", losses.LOSSES)
        if self.step_size is not None and self.step_size != "eps/T":
            check_number(self, "step_size", above_zero=True)
        check_number(self, "momentum")
        check_flag(self, "keep_best", "early_stop")
        noise = isinstance(self.random_start, float) and 0 < self.random_start < 1
        if not noise and not isinstance(self.random_start, bool):
            raise invalid("pgd: random_start", "True, False or a number between 0 and 1", repr(self.random_start))
        if self.loss == "kl" and not self.random_start:
            raise invalid("pgd: random_start", "True with loss=kl, whose gradient is 0 at the image", self.random_start)
        if self.restarts > 1 and not self.random_start:
            raise invalid("pgd: restarts", "1 without a random start", self.restarts, "add random_start=True.")

    @property
    def xla_compatible(self):
        return not self.early_stop

    @property
    def seeded(self):
        return bool(self.random_start)

    def perturb(self, problem, threat, seed):
        problem = problem.with_reference() if self.loss == "kl" else problem
        if self.early_stop:
            attempt = lambda wave: self._until_fooled(wave.here, threat, random.key(seed, wave.number))  # noqa: E731
            return together.attempts(problem, attempt, self.restarts, at_once=False)
        best = self._climb(problem, threat, random.key(seed, 0), nothing(problem.x))
        if self.restarts == 1:
            return best.x
        body = lambda r, best: (r + 1, self._climb(problem, threat, random.key(seed, r), best))  # noqa: E731
        return tf.while_loop(lambda r, _: r < self.restarts, body, (1, best), maximum_iterations=self.restarts)[1].x

    def _until_fooled(self, problem, threat, seed):
        """One run of `steps` steps in which fooled images drop out."""

        def step(t, problem, state):
            x_adv, velocity, region = state
            logits, _, gradient = problem.ascend(self.loss, x_adv)
            moved, velocity = self._move(x_adv, gradient, velocity, threat, region)
            return problem.reached(logits), x_adv, (moved, velocity, region)

        state = (*self._start(problem.x, threat, seed), threat.region(problem.x))
        return active.loop(problem, step, state, self.steps)[0]

    def _climb(self, problem, threat, seed, best):
        """One run of `steps` steps; returns the best of it and of what came before."""
        region = threat.region(problem.x)

        def step(t, x_adv, velocity, best):
            logits, loss, gradient = problem.ascend(self.loss, x_adv)
            if self.keep_best:
                best = best.keep(x_adv, problem.reached(logits), loss)
            return t + 1, *self._move(x_adv, gradient, velocity, threat, region), best

        best = best if self.keep_best or self.restarts > 1 else ()
        state = (0, *self._start(problem.x, threat, seed), best)
        state = tf.while_loop(lambda t, *_: t < self.steps, step, state, maximum_iterations=self.steps)
        return self._settle(problem, state[1], state[3])

    def _start(self, x, threat, seed):
        """The first point, and the velocity, if there is momentum."""
        if isinstance(self.random_start, float):
            start = threat.project(x + self.random_start * random.normal(tf.shape(x), seed), x)
        else:
            start = threat.random_start(x, seed) if self.random_start else x
        return start, tf.zeros_like(start) if self.momentum else ()

    def _move(self, x_adv, gradient, velocity, threat, region):
        if self.momentum:
            gradient = velocity = self.momentum * velocity + normalized(finite_or(0.0, gradient))
        moved = x_adv + self._step_size(threat) * threat.steepest(gradient, x_adv)
        return threat.project_into(region, moved), velocity

    def _settle(self, problem, x_adv, best):
        """Judge the last point, which no gradient was taken at."""
        if not self.keep_best and self.restarts == 1:
            return Best(x_adv, (), ())
        logits = problem.logits_fn(x_adv)
        return best.keep(x_adv, problem.reached(logits), problem.loss(self.loss, logits))

    def _step_size(self, threat):
        if self.step_size == "eps/T":
            return threat.eps / self.steps
        return threat.step_size(self.steps) if self.step_size is None else self.step_size

    def cost(self, classes):
        return Passes((self.steps + 1) * self.restarts + (self.loss == "kl"), self.steps * self.restarts)


def nothing(x):
    """The state before the first point: any point is better."""
    n = tf.shape(x)[:1]
    return Best(x, tf.zeros(n, tf.bool), tf.fill(n, -float("inf")))


def normalized(gradient):
    return tf.math.divide_no_nan(gradient, per_example(flat_sum(tf.abs(gradient)), gradient))
