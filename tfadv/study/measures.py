"""What is measured on a trained network. A measure is a value: its repr, with the network's recipe, is what its outcome
is kept under, so whatever the outcome depends on is one of its options. It returns arrays by name; `value` is (n,) an
image, () a single number, or (k,) or (n, k), a curve over `at`.

TensorFlow is imported when a measure is taken, so that claims and tables are made without it.
"""

import dataclasses
import typing

import numpy as np


class Trained(typing.Protocol):
    """A trained network before its judge."""

    model: typing.Any  # keras.Model
    dataset: typing.Any  # tfadv.data.Dataset whose test split is judged
    x: np.ndarray  # the images of that split, (n, h, w, c)
    y: np.ndarray  # their labels, (n,)
    seed: int
    history: list  # one dict of metrics an epoch
    home: typing.Any  # Path: where the measure may keep half-done work
    known: dict  # what is known of the model, for all measures

    def judge(self, threat=None): ...  # tfadv.evaluation.judge.Judge of model and images
    def first(self, n): ...  # the same with the first n images only
    def changed(self, **changes): ...  # the same after a change of its weights, or with another model
    def last_epoch(self): ...  # the same with the weights of the last epoch, where the best was kept
    def other(self, network, measure=None): ...  # another network of this seed, or what was measured of it
    def progress(self, what, done, total, left=None): ...


class Measure(typing.Protocol):
    """What every measure is; one that looks at other networks names them, and measures of them, in `needs`.

    Attributes:
        title: the head of its column.
        needs: ((network,) or (network, measure), ...): what `Trained.other` may be asked.

    A curve of accuracies says what it is over in `xlabel`. A measure that keeps images draws them in `pictures`.
    """

    title: str
    needs: tuple = ()

    def __call__(self, network: Trained) -> dict[str, np.ndarray]: ...


def titled(title):
    """The title of a measure: no part of what is measured."""
    return dataclasses.field(default=title, repr=False)


@dataclasses.dataclass(frozen=True)
class Clean:
    """Right on the images as they are."""

    title: str = titled("Clean")

    def __call__(self, network):
        return {"value": network.judge().clean}


@dataclasses.dataclass(frozen=True)
class Under:
    """Right under one attack, which runs on every image that is right: a column that depends on no other."""

    attack: str
    threat: str
    title: str = titled("")

    def __call__(self, network):
        return {"value": withstands(network, self.attack, self.threat)}


def withstands(network, attack, threat, batch_size=500):
    """Which images are right and stay so under an attack, both specs: (n,) bool."""
    from tfadv import attacks

    judge = network.judge(threat)
    attack = judge.until_fooled(attacks.get(attack))
    right, places = judge.clean.copy(), np.flatnonzero(judge.clean)
    for k, start in enumerate(range(0, len(places), batch_size)):
        network.progress(str(attack), start, len(places))
        at = places[start : start + batch_size]
        right[at] = dataclasses.replace(judge, seed=network.seed * 100_003 + k).withstands(attack, at)
    return right


@dataclasses.dataclass(frozen=True)
class Protocol:
    """`tfadv evaluate`: the standard ensemble, the worst case of each image; resumed by its own journal.

    Its report's result.json, with findings, lies beside the measurement.
    """

    threat: str
    attacks: tuple[str, ...] | None = None
    title: str = titled("AutoAttack")

    def __call__(self, network):
        from tfadv.evaluation.evaluate import evaluate

        result = evaluate(
            network.model,
            network.dataset,
            threat=self.threat,
            attacks=self.attacks,
            seed=network.seed,
            keep=network.home,
            progress=network.progress,
        )
        return {
            "value": result.arrays["robust"],
            "findings": np.array([finding["code"] for finding in result.findings], str),
        }


@dataclasses.dataclass(frozen=True)
class Differs:
    """Whether the weights differ in any bit from those of another network: 1 or 0."""

    of: str
    title: str = titled("")

    @property
    def needs(self):
        """The other network."""
        return ((self.of,),)

    def __call__(self, network):
        pairs = zip(network.model.get_weights(), network.other(self.of).model.get_weights(), strict=True)
        return {"value": np.array(float(any(a.tobytes() != b.tobytes() for a, b in pairs)))}


@dataclasses.dataclass(frozen=True)
class History:
    """A metric of the training over its epochs."""

    metric: str
    title: str = titled("")
    xlabel: typing.ClassVar[str] = "epoch"

    def __call__(self, network):
        values = [epoch[self.metric] for epoch in network.history]
        return {"at": np.arange(1, len(values) + 1), "value": np.array(values)}


@dataclasses.dataclass(frozen=True)
class First:
    """Another measure on the first n images only."""

    n: int
    measure: Measure

    @property
    def title(self):
        """The other measure's."""
        return self.measure.title

    @property
    def needs(self):
        """The other measure's."""
        return getattr(self.measure, "needs", ())

    @property
    def xlabel(self):
        """The other measure's, if it is a curve."""
        return getattr(self.measure, "xlabel", None)

    def __call__(self, network):
        return self.measure(network.first(self.n))


@dataclasses.dataclass(frozen=True)
class LastEpoch:
    """Another measure on the weights of the last epoch, of a network of which the best epoch is kept."""

    measure: Measure
    title: str = titled("")

    def __call__(self, network):
        return self.measure(network.last_epoch())


@dataclasses.dataclass(frozen=True)
class Weights:
    """How many trainable weights there are."""

    title: str = titled("Weights")

    def __call__(self, network):
        return {"value": np.array(sum(weight.shape.num_elements() for weight in network.model.trainable_weights))}
