"""What the checks see of an evaluation, and the attack that several of them run by itself."""

import dataclasses
import functools
import typing

import numpy as np

from tfadv import attacks
from tfadv.attacks.base import Attack
from tfadv.attacks.wrapper import AttackWrapper
from tfadv.data.split import spread_over
from tfadv.evaluation.judge import Judge
from tfadv.evaluation.model_noise import Noise

# Why a check could not look.
NO_GRADIENTS = "the model has no gradients"
NOISY = "the noise of the model is too strong"
UNFOLLOWED = "the model has no gradients, or its noise is too strong to follow them"
NO_SINGLE_ATTACK = "no attack climbs a loss in several steps, by gradients that noise does not hide"
RANDOM = "the model is random"
NOT_RANDOM = "the model is not random"
NONE_RIGHT = "no image was classified correctly"
NONE_ROBUST = "no image withstood the attacks"
NO_ATTACK = "no attack was run"
TOO_FEW = "too few images were judged to tell"
# As many images as black-box attacks may break that others left: AutoAttack's own flag, a share of all, and never one.
BLACK_BOX = 0.002
# Two points of accuracy: as near to the best attack by hand as the judge is to be (docs/benchmarks.md), and as much as
# more steps may break before they are taken from more starts. What is less is no reason to doubt the rest.
TOLERATED = 0.02
# Of images that only attacks without gradients break, on honest networks whose loss is rugged: those of MNIST.
RUGGED = 0.01
# Images that a check attacks at most, and gradients that the attack run by itself may take for all of them.
IMAGES, GRADIENTS = 100, 15_000


class SingleAttackRun(typing.NamedTuple):
    """An attack run by itself, on images that others may have broken too.

    Attributes:
        attack, name: the attack, and what the result calls it.
        at: which of the judge's images, (k,) indices; all of them are right on the clean image.
        before, after: their logits, (k, classes).
        x_adv: what the attack made of them, (k, h, w, c).
    """

    attack: Attack
    name: str
    at: np.ndarray
    before: np.ndarray
    after: np.ndarray
    x_adv: np.ndarray


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Evidence:
    """An evaluation after its attacks.

    Attributes:
        judge: of a few of the judged images, m of n.
        right, robust: which of the few are right on the clean image, and under all attacks, (m,) bool.
        logits, labels: of all judged images, clean: (n, classes) and (n,).
        members, rows: the attacks in the order in which they ran, and the rows of the result about them.
        trials: the rows about attacks that were tried on a few images and fooled none.
        differentiable: whether gradients lead from the logits to the image.
        certified: how many judged images withstand everything; None where that is not known exactly.
        contradicted: how many judged images are proven to withstand everything, and are wrong or were fooled; None
            where none can be, and `unproven` says why.
        seen: whether the model was trained on these images; None where that is not known.
        noise: the `Noise` of the model; None where it has none, or nothing is known of it.
        misled: how many images attacks without gradients broke, and a longer one with gradients does not; None where
            no longer one ran.
        unadapted: why the judge chose no attacks by what the first ones met; None where it could.
        command: the `tfadv evaluate` line of this evaluation, without attacks; None where there is none.
        progress: called with what is being done, and how much of how much is done.
    """

    judge: Judge
    right: np.ndarray
    robust: np.ndarray
    logits: np.ndarray
    labels: np.ndarray
    members: tuple = ()
    rows: tuple = ()
    trials: tuple = ()
    differentiable: bool = True
    certified: int | None = None
    contradicted: int | None = None
    unproven: str | None = "nothing is proven of the model"
    seen: bool | None = False
    noise: Noise | None = None
    misled: int | None = None
    unadapted: str | None = None
    command: str | None = None
    progress: object = lambda what, done, total: None

    @property
    def n(self):
        """How many images were judged."""
        return len(self.labels)

    @property
    def parts(self):
        """The attacks, and those within them."""
        return [part for member in self.members for part in parts(member)]

    @property
    def classes(self):
        return self.logits.shape[1]

    @property
    def stochastic(self):
        """Whether the model answers at random."""
        return self.judge.random

    @property
    def gradients_mean(self):
        """Whether gradients say what the model does: it has some, and so little noise that few draws make a mean."""
        return self.differentiable and (self.noise.slight if self.noise else not self.stochastic)

    @functools.cached_property
    def single_attack(self):
        """The cheapest attack of several steps up a loss, run by itself; None where none was among the attacks."""
        prices = {m: m.cost(self.classes).backward for m in self.members if climbs(m)}
        if not (prices and self.gradients_mean and self.right.any()):
            return None
        member = min(prices, key=prices.get)
        at = some(self.right, max(10, min(IMAGES, GRADIENTS // prices[member])))
        name, attack = self.rows[self.members.index(member)]["attack"], self.judge.until_fooled(member)
        x_adv = self.judge.attack(attack, at, fresh=True)
        before, after = map(self.judge.logits, (self.judge.x[at], x_adv))
        return SingleAttackRun(attack, name, at, before, after, x_adv)

    @property
    def adapted_in_vain(self):
        """Whether the judge chose attacks by itself, and they fooled no more than chance does."""
        return self.unadapted is None and by_chance(sum(row["fooled"] for row in self.rows if row.get("why")), self.n)

    @property
    def no_single_attack(self):
        """Why there is no `single_attack`; None where there is one."""
        if self.single_attack is not None:
            return None
        return NO_SINGLE_ATTACK if self.right.any() else NONE_RIGHT

    def fooled(self, attack, at, eps=None):
        """Which of the few images `at` an attack fools that draws other random numbers than before: (k,) bool."""
        return ~self.judge.withstands(attack, at, eps=eps, fresh=True)

    def expected(self, spec):
        """An attack that stops where it has fooled, on the expectation over the model's noise if it has any."""
        attack = attacks.get(spec)
        return (self.noise.expected(attack) if self.noise else attack).until_fooled()


def some(which, most=IMAGES):
    """At most so many of the images that `which`, (m,) bool, marks, evenly spread: indices."""
    at = np.flatnonzero(which)
    return at[spread_over(len(at), most)]


def by_chance(count, n):
    """Whether so few of n images fell to attacks without gradients that it says nothing."""
    return count <= max(BLACK_BOX * n, 1)


def too_many(count, n):
    """Whether more than TOLERATED of n images fell, and more than chance makes of RUGGED: one-sided, 5 %.

    >>> [too_many(count, 100) for count in (3, 4)]
    [False, True]
    """
    from scipy.stats import binom

    return count > TOLERATED * n and bool(binom.sf(count - 1, n, RUGGED) < 0.05)


def parts(attack):
    """An attack, the attack within it if it is around one, and so on."""
    return [attack, *(parts(attack.inner) if isinstance(attack, AttackWrapper) else ())]


def loss_of(attack):
    """The loss that the innermost attack raises, `"ce"`, or None where it does something else."""
    return getattr(parts(attack)[-1], "loss", None)


def iterates(attack):
    """Whether it follows gradients for more than one step."""
    return not attack.black_box and getattr(parts(attack)[-1], "steps", 1) != 1


def climbs(attack):
    """Whether it follows those of a loss, and not the way to the nearest misclassified point."""
    return iterates(attack) and hasattr(parts(attack)[-1], "loss")
