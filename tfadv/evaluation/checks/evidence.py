"""What the checks see of an evaluation, and the attack that several of them run by itself."""

import dataclasses
import functools
import typing

import numpy as np

from tfadv.attacks.base import Attack
from tfadv.attacks.wrapper import AttackWrapper
from tfadv.data.split import spread_over
from tfadv.evaluation import metrics

# Images that a check attacks at most, and gradients that the attack run by itself may take for all of them.
IMAGES, GRADIENTS = 100, 15_000
# What makes other draws of the same seed than the evaluation did.
FRESH = 1_000_000_007


class SingleAttackRun(typing.NamedTuple):
    """An attack run by itself, on images that others may have broken too.

    Attributes:
        attack, name: the attack, and what the result calls it.
        at: which images of the case, (k,) indices; all of them are right on the clean image.
        before, after: their logits, (k, classes).
    """

    attack: Attack
    name: str
    at: np.ndarray
    before: np.ndarray
    after: np.ndarray


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Evidence:
    """An evaluation after its attacks.

    Attributes:
        model: the classifier.
        x, y: a few of the judged images, (m, h, w, c), and their labels, (m,).
        right, standing: which of them are right on the clean image, and after all attacks, (m,) bool.
        logits, labels: of all judged images, clean: (n, classes) and (n,).
        n: how many images were judged.
        members, rows: the attacks in the order in which they ran, and the rows of the result about them.
        stochastic: whether the model answers at random.
        differentiable: whether gradients lead from its logits to the image.
        certified: of how many judged images it is proven that they withstand everything; None where nothing is proven.
        same_split: whether the images are those the model may have been trained on.
        progress: called with what is being done, and how much of how much is done.
    """

    model: object
    x: np.ndarray
    y: np.ndarray
    right: np.ndarray
    standing: np.ndarray
    logits: np.ndarray
    labels: np.ndarray
    n: int
    threat: object
    members: tuple = ()
    rows: tuple = ()
    stochastic: bool = False
    differentiable: bool = True
    certified: int | None = None
    same_split: bool = False
    seed: int = 0
    batch_size: int = 500
    progress: object = lambda what, done, total: None

    @property
    def classes(self):
        return self.logits.shape[1]

    @property
    def gradients_mean(self):
        """Whether one gradient says what the model does: it has some, and they are not drawn at random."""
        return self.differentiable and not self.stochastic

    @functools.cached_property
    def alone(self):
        """The cheapest attack of several steps up a loss, run by itself; None where none was among the attacks."""
        prices = {m: m.cost(self.classes).backward for m in self.members if climbs(m)}
        if not (prices and self.gradients_mean and self.right.any()):
            return None
        member = min(prices, key=prices.get)
        at = self.some(self.right, max(10, min(IMAGES, GRADIENTS // prices[member])))
        name, attack = self.rows[self.members.index(member)]["attack"], member.until_fooled()
        return SingleAttackRun(attack, name, at, self.ask(self.x[at]), self.ask(self.attacked(attack, at)))

    def some(self, which, most=IMAGES):
        """At most so many of the images that `which`, (m,) bool, marks, evenly spread: indices."""
        at = np.flatnonzero(which)
        return at[spread_over(len(at), most)]

    def attacked(self, attack, at, eps=None):
        """Adversarial images for the images `at`."""
        threat = self.threat if eps is None else self.threat.with_eps(eps)
        options = {"threat": threat, "seed": self.seed + FRESH, "batch_size": self.batch_size}
        return attack(self.model, self.x[at], self.y[at], **options)

    def fooled(self, attack, at, eps=None):
        """Which of the images `at` an attack fools: (k,) bool."""
        return ~metrics.correct(self.model, self.attacked(attack, at, eps), self.y[at], self.batch_size)

    def ask(self, x):
        """Logits."""
        return metrics.logits(self.model, x, self.batch_size)


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
