"""AutoAttack: the ensemble by which robust accuracies are compared, each attack on what is still classified correctly.

Croce & Hein: Reliable evaluation of adversarial robustness with an ensemble of diverse parameter-free attacks, 2020.
"""

import dataclasses
import typing

import tensorflow as tf

from tfadv import random
from tfadv.attacks import get
from tfadv.attacks.base import Attack
from tfadv.attacks.eot import averaged
from tfadv.attacks.loops import together
from tfadv.attacks.options import SHOWN, check_choice, check_whole
from tfadv.passes import Passes
from tfadv.tensors import per_example
from tfadv.threat import NORMS

DRAWS = 20
VERSIONS = ("standard", "plus", "rand")
# The difference of logits ratio needs so many classes; with fewer the plain difference takes its place.
DLR_CLASSES = 3
# Where there are figures of the authors to compare with.
PUBLISHED_NORMS = ("linf", "l2", "l1")


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class AutoAttack(Attack):
    """Attacks without parameters, one after another, each on the images that none before it has broken.

    Args:
        version: `"standard"` (APGD-CE, APGD-T, FAB-T, Square), `"plus"` (APGD-CE and APGD-DLR with 5 restarts, FAB
            with 5, Square, APGD-T, FAB-T) or `"rand"`, for random models (APGD-CE and APGD-DLR on the expectation
            over 20 draws). What does not know the norm is left out. The authors' ensemble is for l_inf, l_2 and l_1;
            tfadv's own choice is APGD-CE, APGD-T, sigma-zero and Sparse-RS in l_0, and APGD-CE, APGD-T and Square for
            a patch.
        steps: of every gradient attack; 100 is what published figures mean. Sigma-zero takes ten times as many.
        queries: of Square and Sparse-RS; likewise 5000.
        target_classes: of APGD-T and FAB-T; likewise 9.

    >>> AutoAttack()(model, x, y, threat=LInf(8 / 255))  # doctest: +SKIP
    """

    xla_compatible: typing.ClassVar[bool] = False
    norms: typing.ClassVar[tuple[str, ...]] = tuple(NORMS)
    ensemble: typing.ClassVar[bool] = True
    seeded: typing.ClassVar[bool] = True

    version: str = dataclasses.field(default="standard", metadata=SHOWN)
    steps: int = 100
    queries: int = 5000
    target_classes: int = 9

    def __post_init__(self):
        check_choice(self, "version", VERSIONS)
        check_whole(self, "steps", "queries", "target_classes")

    def members(self, classes, norm):
        """Those that know the norm; in l_1 with more restarts and fewer targets, as the authors have it."""
        sparse = NORMS[norm].sparse
        dlr = "dlr" if classes >= DLR_CLASSES else "margin"
        targets = min(5, self.target_classes) if sparse else self.target_classes
        ce, restarted, ratio = f"apgd(steps={self.steps}", ", restarts=5", f"apgd(steps={self.steps}, loss={dlr}"
        apgd_t = f"apgd_t(steps={self.steps}, target_classes={targets})"
        fab, fab_t = (f"{name}(steps={self.steps}, " for name in ("fab", "fab_t"))
        square, fab_t = f"square(queries={self.queries})", f"{fab_t}target_classes={self.target_classes})"
        pixels = f"sigma_zero(steps={10 * self.steps})", f"sparse_rs(queries={self.queries})"
        specs = {
            "standard": (f"{ce}{restarted * sparse})", apgd_t, fab_t, square, *pixels),
            "plus": (f"{ce}{restarted})", f"{ratio}{restarted})", f"{fab}restarts=5)", square, apgd_t, fab_t, *pixels),
            "rand": (f"eot(attack={ce}), draws={DRAWS})", f"eot(attack={ratio}), draws={DRAWS})"),
        }
        return tuple(attack for attack in map(get, specs[self.version]) if norm in attack.norms)

    def perturb(self, problem, threat, seed):
        classes = problem.classes(problem.logits_fn(problem.x[:1]))
        members = self.members(classes, threat.norm)
        if self.version == "rand":
            return self._by_expectation(problem, threat, seed, members)
        return together.in_turn(problem, [member.until_fooled() for member in members], threat, seed)

    def _by_expectation(self, problem, threat, seed, members):
        """All of them on all images: one draw of a random model does not tell which are fooled."""
        expected = averaged(problem, DRAWS, "logits")
        found, highest = problem.x, tf.fill(tf.shape(problem.x)[:1], -float("inf"))
        for k, member in enumerate(members):
            x_adv = member.perturb_projected(problem, threat, random.key(seed, k))
            margin = expected.margin(expected.logits_fn(x_adv))
            better = margin > highest
            found = tf.where(per_example(better, x_adv), x_adv, found)
            highest = tf.where(better, margin, highest)
        return found

    def cost(self, classes):
        costs = [self._cost(self.members(classes, norm), classes) for norm in self.norms]
        return Passes(*map(max, *costs))

    def _cost(self, members, classes):
        costs = [member.cost(classes) for member in members]
        own = 2 + len(costs) * (DRAWS if self.version == "rand" else 1)
        return own + sum(cost.forward for cost in costs), sum(cost.backward for cost in costs)
