"""How a network is trained, as values: what a preset gives all networks, what each has of its own. No TensorFlow."""

import dataclasses

from tfadv.errors import invalid


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe:
    """Settings of a training, each None where it is not said here. See `tfadv.training.settings.Settings`.

    Attributes:
        attack, threat: one, or several: a tuple of threats with one attack for all of them, or one each.
        keep: which epoch becomes the network: `"last"`, or `"best"` on held-out images.
        train: how many training images are used, in data order; None is all.
        validation: the share of them that is held out, for the history and for `keep="best"`; None is a tenth, or with
            `keep="last"` none.
        precision, devices: what trains it; the experiment's options say so for all of its networks.
    """

    model: str | None = None
    method: str | None = None
    attack: str | tuple[str, ...] | None = None
    threat: str | tuple[str, ...] | None = None
    eps_ramp: int | float | None = None
    batch_size: int | None = None
    optimizer: str | None = None
    weight_decay: float | None = None
    schedule: str | None = None
    average: str | None = None
    augment: str | tuple[str, ...] | None = None
    keep: str | None = None
    loss: str | None = None
    reduction: str | None = None
    shuffle: bool | None = None
    train: int | None = None
    validation: float | None = None
    precision: str | None = None
    devices: int | str | None = None

    def over(self, other):
        """The settings that either has, by name; this one's where both have them."""
        mine, theirs = self._given(), other._given()
        return theirs | mine

    def _given(self):
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(Recipe)}
        return {name: value for name, value in values.items() if value is not None}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Scale(Recipe):
    """How large a preset is, and what all of its networks share.

    Attributes:
        judged: how many test images the networks are measured on, evenly spread over the data order; None is all.
        held_out: the share of the training images that is kept from training, and measured on instead of test images.
        minutes: what one seed takes on two cores, or half of the CPU minutes that it took beside other work, without
            the networks that other experiments had trained; None if it was not run.
    """

    dataset: str
    epochs: int
    judged: int | None = None
    held_out: float = 0.0
    minutes: float | None = None

    def but(self, **changes):
        """The same with other values: `CIFAR.but(epochs=50)`."""
        return dataclasses.replace(self, **changes)

    def presets(self, *, smoke, laptop=None):
        """The scales of an experiment by the names of their presets: `paper` is this one.

        Args:
            smoke, laptop: what is different there, as `but` takes it.
        """
        return {"smoke": self.but(**smoke), "laptop": self.but(**(laptop or {})), "paper": self}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Network(Recipe):
    """One network of a study: a row of its tables.

    Attributes:
        title: what tables and figures call it; "" for one that others begin with and no table shows.
        start: the network whose weights it begins with; None begins anew.
        of, defense: a network that is not trained: the trained ones that it is made of, and the defense that is put
            around them, a spec of `tfadv.defenses`.
        given: a network that others have trained, as `tfadv.models.pretrained.load` takes it.
        draw: another number draws other weights, another order of the images, and all else that is random in training.
        share: of the scale's epochs, rounded, at least one epoch.
        measures: the names of the measures that are taken of it; None is all.
        aside: left out of tables and figures that do not name it, as the steps of an ablation are.
    """

    title: str
    start: str | None = None
    of: tuple[str, ...] = ()
    defense: str | None = None
    given: str | None = None
    draw: int = 0
    share: float = 1.0
    measures: tuple[str, ...] | None = None
    aside: bool = False

    def __post_init__(self):
        if not self.share > 0:
            raise invalid("share of the epochs", "a number above 0", repr(self.share))
        if bool(self.of) != bool(self.defense):
            raise invalid(f"the network {self.title!r}", "both of `of` and `defense`, or none", "one of them")

    def settings(self, scale):
        """The keyword arguments of `tfadv.training.run.ensure`, and `train`, the number of training images."""
        settings = self.over(scale) | {"epochs": max(1, round(self.share * scale.epochs))}
        if settings.get("keep") == "last":
            settings.setdefault("validation", 0.0)
        if self.start:
            settings.pop("model", None)
        return settings


def drawn_with(seed, network):
    """The seed of a network's training in a run with this one."""
    return seed + 1_000_003 * network.draw
