"""The attack on a smoother twin of the model: the same weights, without what hides their gradients.

Athalye, Carlini, Wagner: Obfuscated Gradients Give a False Sense of Security, 2018, section 4.1; Tramer, Carlini,
Brendel, Madry: On Adaptive Attacks to Adversarial Example Defenses, 2020, sections 3 and 4.
"""

import dataclasses
import typing

import tensorflow as tf

from tfadv import gradients, random
from tfadv.attacks.options import OF_MODEL, check_flag, check_whole
from tfadv.attacks.problem import Problem
from tfadv.attacks.wrapper import AttackWrapper
from tfadv.errors import invalid
from tfadv.graph import held, inside
from tfadv.passes import Passes
from tfadv.tensors import finite_or


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class Twin(AttackWrapper):
    """Another attack, which climbs the loss of a smoother twin, while the model itself says at every point who has won.

    In the twin, whatever the model consists of (`tfadv.graph.smooth`), rounding passes gradients straight through,
    steps are sigmoids and arg-maxes softmaxes where gradients pass back, noise is left out, and gradients that the
    model replaces are those of what it computes.

    Args:
        attack: what is run, one that climbs a loss, an attack or its spec.
        networks: numbers of the networks inside that are attacked instead of the whole, one or several, jointly; an
            evaluation names them (`tfadv.graph.inside.contents`).
        held: the path through the model's attributes to a classifier that is attacked instead of the whole, such as
            `"defense.network"` (`tfadv.graph.held`).
        skip: the number of an image that the model makes of the image, such as a purified one, through which gradients
            pass as if it were the image itself.
        leaky: whether parts that saturate, such as clipped ones, keep a slope too.
        neighbors: how many points around the present one the gradient is the mean of; 0 asks at the point itself.

    >>> Twin(attack="apgd(loss=margin)")(model, x, y, threat=LInf(8 / 255))  # doctest: +SKIP
    """

    # The twin sees images; the attack within may take them apart.
    on_rows: typing.ClassVar[bool] = False
    on_images: typing.ClassVar[bool] = False
    xla_compatible: typing.ClassVar[bool] = False

    networks: tuple[int, ...] | int | None = dataclasses.field(default=None, metadata=OF_MODEL)
    held: str | None = dataclasses.field(default=None, metadata=OF_MODEL)
    skip: int | None = dataclasses.field(default=None, metadata=OF_MODEL)
    leaky: bool = False
    neighbors: int = 0

    def __post_init__(self):
        super().__post_init__()
        check_flag(self, "leaky")
        check_whole(self, "neighbors", least=0, most=100)
        object.__setattr__(self, "networks", _numbers("networks", self.networks))
        if self.held is not None and not isinstance(self.held, str):
            raise invalid("twin: held", "a path, which an evaluation names", repr(self.held))
        if self.skip is not None:
            check_whole(self, "skip")

    def surrogate(self, model):
        whole = model if self.held is None else held.find(model, self.held)
        return inside.twin(whole, self.networks or (), self.skip, self.leaky)

    def logits_fn(self, model):
        return gradients.logits_of(model)

    def perturb(self, problem, threat, seed):
        if problem.surrogate is None:
            raise invalid("twin", "a model to take apart", "one that another attack stands for")
        parts = {field.name: getattr(problem, field.name) for field in dataclasses.fields(Problem)}
        moves = _moves(problem.x, threat, random.key(seed, 0), self.neighbors)
        slack = getattr(problem, "slack", None)  # of the expectation over noise
        problem = TwinProblem(**parts, any_wrong=problem.targets is None, moves=moves, slack=slack)
        return self.inner.perturb_projected(problem, threat, random.key(seed, 1))

    def cost(self, classes):
        once, asked = self.inner.cost(classes), max(1, self.neighbors)
        return Passes(once.forward + asked * once.backward, asked * once.backward)


@dataclasses.dataclass(frozen=True)
class TwinProblem(Problem):
    """A problem whose losses and gradients are those of the surrogate; who has won says the model itself.

    Attributes:
        any_wrong: whether any wrong class is a success, also while an attack makes for one of them.
        moves: to the neighbors at which the surrogate is asked, each like one image.
        slack: the margin above which the attacker has won, see `Averaged`; None is 0.
    """

    any_wrong: bool = True
    moves: tuple = ()
    slack: object = None

    def reached(self, logits):
        wanted = dataclasses.replace(self, targets=None) if self.any_wrong else self
        reached = Problem.reached(wanted, logits)
        return reached if self.slack is None else reached & (wanted.margin(logits) > self.slack)

    def ascend(self, name, x_adv):
        """The logits of the model, and the losses and gradients of the surrogate."""
        logits = self.logits_fn(x_adv)
        columns = logits.shape[-1]

        def loss(z):
            given = z.shape[-1] if z.shape.rank else None  # a shape may be unknown in part
            if z.shape.rank not in (None, 2) or (columns and given and given not in (columns, columns - self.reject)):
                raise invalid("twin", f"a network with {columns} logits to attack", f"one with outputs {z.shape}")
            # Networks inside know of no rejection.
            rejects = self.reject and given == columns
            return dataclasses.replace(self, reject=rejects).loss(name, z)

        def at(move):
            _, height, gradient = gradients.logits_and_gradient(self.surrogate, x_adv + move, loss)
            return height, finite_or(0.0, gradient)

        found = [at(tf.reshape(move, x_adv.shape[1:])) for move in self.moves or (tf.zeros_like(x_adv[0]),)]
        return logits, *(tf.add_n(part) / len(found) for part in zip(*found, strict=True))


def _moves(x, threat, seed, neighbors):
    """To so many random points of half the ball, the same ones for every image."""
    drawn = (threat.random_start(tf.zeros_like(x[:1]), random.key(seed, k))[0] for k in range(neighbors))
    return tuple(move / 2 for move in drawn)


def _numbers(name, given):
    """Numbers of tensors as a tuple, or None."""
    if given is None:
        return None
    numbers = given if isinstance(given, tuple | list) else (given,)
    whole = [isinstance(number, int) and not isinstance(number, bool) and number > 0 for number in numbers]
    if not whole or not all(whole):
        raise invalid(f"twin: {name}", "whole numbers, which an evaluation names", repr(given))
    return tuple(numbers)
