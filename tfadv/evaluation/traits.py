"""How a model is to be attacked: whether it is random, and whether it has gradients."""

import numpy as np

from tfadv import attacks as registry
from tfadv import gradients
from tfadv.data.split import spread_over
from tfadv.errors import invalid
from tfadv.evaluation import metrics

STANDARD, RANDOM, BLACK_BOX = ("autoattack",), ("autoattack(version=rand)",), ("square", "sparse_rs")
# Passes whose majority judges a random model.
DRAWS = 20
# Passes whose logits differ by less than this share of their range are the same: GPUs add in any order.
SAME = 1e-4


class ModelTraits:
    """How a model is to be attacked: whether it is random, and whether it has gradients."""

    def __init__(self, random, differentiable):
        self.random, self.differentiable = random, differentiable
        self.draws = DRAWS if random else 1

    @classmethod
    def of(cls, model, x):
        few = x[spread_over(len(x), 32)]
        first, *others = (metrics.logits(model, few) for _ in range(4))
        rounding = SAME * np.ptp(first)
        return cls(any(np.abs(first - z).max() > rounding for z in others), gradients.differentiable(model, few))

    def default_attacks(self, norm):
        """What judges the model unless attacks are named: those that know the norm."""
        specs = BLACK_BOX if not self.differentiable else RANDOM if self.random else STANDARD
        return [attack for attack in map(registry.get, specs) if norm in attack.norms]

    def check(self, members, model, x):
        """Refuse attacks that follow gradients where the model has none and the attack brings no surrogate."""
        for member in () if self.differentiable else members:
            if not member.black_box and not gradients.differentiable(model, x, member.logits_fn):
                hint = "try square, or bpda, which uses a surrogate gradient."
                raise invalid("attacks on a model without gradients", "black-box attacks", str(member), hint)
