"""What determines a training, checked: the words of `tfadv train`."""

import dataclasses
import inspect
from collections.abc import Mapping
from typing import Any

from tfadv import spec
from tfadv.errors import TfadvError, invalid
from tfadv.options import number
from tfadv.registry import guess
from tfadv.training import METHODS
from tfadv.training.epochs import check_epoch

# Numbers, and the least of each; the words of choices; what is one text, and what may be several.
LEAST = {"epochs": 1, "batch_size": 1, "patience": 0, "seed": 0}
CHOICES = {
    "keep": ("best", "last"),
    "loss": ("ce", "hinge"),
    "reduction": ("mean", "sum"),
    "precision": ("float32", "bfloat16", "float16"),
}
TEXTS = ("dataset", "model", "method", "optimizer", "schedule", "average", "devices")
SEVERAL = ("attack", "threat", "augment")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """What determines a training; written to train.json, so that a resumed one is the same.

    Attributes:
        model: a spec of `tfadv.models`, or the path of a classifier to start from.
        method: a spec of `tfadv.training.METHODS`.
        attack: a spec; what the method trains on, and by default what validation attacks with. For `mixed` several.
        threat: a threat model, e.g. `"linf:8/255"`. Several for `mixed`: with one attack for all of them, or one each.
        eps_ramp: the epochs, or share of all epochs, over which the eps of training grows from 0; 0 begins with the
            whole eps. Validation always attacks with the whole eps.
        validation_attack: a spec; the attack behind val_adv_accuracy.
        loss: `"ce"`, cross-entropy, or `"hinge"`, sum_{j != y} max(0, z_j - z_y + 1) (Weston, Watkins 1999).
        reduction: of the loss over a batch, `"mean"` or `"sum"`.
        optimizer: `"adam"`, `"sgd(learning_rate=0.1, momentum=0.9)"`, ...
        weight_decay: d in the term d / 2 ||w||_2^2 that is added to the loss, over the trainable weights but
            factors of noise: what PyTorch's SGD calls so. That of Keras' optimizers is decoupled from momentum.
        schedule: of the learning rate: `"constant"`, `"step(at=(0.6, 0.8))"`, `"plateau"`, `"cosine_decay"`,
            `"cyclic"`.
        average: of the weights, validated and kept in their place: `"none"`, `"ema(momentum=0.999)"`,
            `"swa(start=0.75)"`.
        augment: `"crop_flip"`, `"cutout"`, `"mixup"`, or several, in their order.
        shuffle: whether each epoch has an order of its own; else all have that of the data.
        validation: share of the training images that is held out, or from 1 on their number; 0 holds none out, with
            `keep="last"`.
        stratify: whether the same share of each class is held out; else so many of all images, at random.
        keep: which epoch becomes the network: the best on held-out images, or the last.
        patience: stop when the watched metric has not improved for so many epochs; 0 never stops early.
        precision: `"float32"`, or mixed: layers compute in `"bfloat16"` or `"float16"`; weights, logits, losses and the
            steps of attacks stay float32. The network keeps it. Where `train` is given none, a file keeps its own.
    """

    dataset: str
    model: str = "mlp"
    method: str = "standard"
    attack: str | tuple[str, ...] | None = None
    threat: str | tuple[str, ...] | None = None
    eps_ramp: int | float = 0
    validation_attack: str | None = None
    epochs: int = 10
    batch_size: int = 128
    loss: str = "ce"
    reduction: str = "mean"
    optimizer: str = "adam"
    weight_decay: float = 0.0
    schedule: str = "constant"
    average: str = "none"
    augment: str | tuple[str, ...] = "none"
    shuffle: bool = True
    validation: float = 0.1
    stratify: bool = False
    keep: str = "best"
    patience: int = 0
    precision: str = "float32"
    devices: str = "auto"
    seed: int = 0

    def __post_init__(self):
        self._check_numbers()
        self._check_types()
        self._check_attacks()
        if self.validation == 0 and (self.keep == "best" or self.patience):
            raise invalid(
                "validation",
                'a share above 0 for keep="best" and for patience',
                "0",
                'hold out 0.1, or say keep="last".',
            )
        if self.threat and not self.attack and not self.validation_attack and self.validation:
            object.__setattr__(self, "validation_attack", "pgd(steps=10)")

    def _check_numbers(self):
        for name, least in LEAST.items():
            expected = f"a whole number of at least {least}"
            number(name.replace("_", " "), getattr(self, name), expected, lambda n, least=least: n >= least, (int,))
        expected = "a share of the training images below 1, e.g. 0.1, or their number"
        number("validation", self.validation, expected, lambda n: 0 <= n < 1 or (n >= 1 and isinstance(n, int)))
        number("weight decay", self.weight_decay, "a number of at least 0", lambda decay: decay >= 0)
        if self.eps_ramp:
            check_epoch("eps ramp", self.eps_ramp)
            expected = f"at most {self.epochs}, the number of epochs, so that eps is reached"
            number("eps ramp", self.eps_ramp, expected, lambda ramp: ramp <= self.epochs)

    def _check_types(self):
        if self.seed >= 2**32:
            raise invalid("seed", "a whole number below 4,294,967,296, which NumPy and Keras take", repr(self.seed))
        for name, known in CHOICES.items():
            if getattr(self, name) not in known:
                raise invalid(name, " or ".join(known), repr(getattr(self, name)))
        for name in SEVERAL:
            object.__setattr__(self, name, _one_or_several(name, getattr(self, name)))
        for name in TEXTS:
            value = getattr(self, name)
            if not isinstance(value, str) and not (name == "devices" and isinstance(value, int)):
                raise invalid(name, "a text", repr(value))
        if not isinstance(self.validation_attack, str | None):
            raise invalid("validation attack", "the spec of one attack", repr(self.validation_attack))
        for name in ("shuffle", "stratify"):
            if not isinstance(getattr(self, name), bool):
                raise invalid(name, "True or False", repr(getattr(self, name)))
        if self.augment is None:
            raise invalid("augment", "a text, or several", "None")

    def _check_attacks(self):
        if self.attack and not self.threat:
            raise TfadvError(
                f"the attack {self.attacks[0]} needs a threat model: add --threat, e.g. --threat linf:8/255."
            )
        method = class_of(self.method)
        if self.attack and not method.trains_on_attack:
            raise TfadvError(
                f"the method {self.method} does not train on an attack: add --method adversarial, or give the attack "
                "as --validation-attack."
            )
        if self.eps_ramp and not method.trains_robust:
            raise TfadvError(f"the method {self.method} does not train within an eps that could grow: drop --eps-ramp.")
        if max(len(self.attacks), len(self.threats)) > 1 and not method.trains_on_several:
            raise TfadvError(f"the method {self.method} takes one attack and one threat model: add --method mixed.")
        if len(self.attacks) > 1 and len(self.attacks) != len(self.threats):
            raise invalid("attack", f"one, or one for each of the {len(self.threats)} threat models", len(self.attacks))

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "Settings":
        """The settings that train.json holds.

        Raises:
            TfadvError: if it was edited so that it holds others.
        """
        check_names(record)
        return cls(**record)

    @property
    def attacks(self) -> tuple[str, ...]:
        """The specs of all attacks: (), one, or one for each threat model."""
        return _as_tuple(self.attack)

    @property
    def threats(self) -> tuple[str, ...]:
        """All threat models."""
        return _as_tuple(self.threat)

    @property
    def augments(self) -> tuple[str, ...]:
        """All augmentations."""
        return _as_tuple(self.augment)

    @property
    def monitor(self) -> str:
        """The metric that decides which epoch is the best."""
        measured = self.attack or self.validation_attack
        method = class_of(self.method)
        return "val_adv_accuracy" if measured and method.selects_robust else f"val_{method.watched}"


def check_names(record: Mapping[str, Any], where: str = "") -> None:
    """Raises TfadvError for names that are no settings; `where` says whose they are."""
    known = sorted(field.name for field in dataclasses.fields(Settings))
    for name in record:
        if name not in known:
            raise TfadvError(f"there is no setting {name!r}{where}: {guess(name, known)}known are {', '.join(known)}.")


def class_of(method: str) -> Any:
    """The class that says what a method takes: of `awp(trades)` that of trades.

    Raises:
        TfadvError: for an unknown method.
    """
    name, options = spec.parse(method)
    found = METHODS.get(name)
    wraps = getattr(found, "wraps", None)
    if wraps is None:
        return found
    default = inspect.signature(found).parameters[wraps].default
    return class_of(options.get(spec.INNER, options.get(wraps, default)))


def _as_tuple(value):
    return () if value is None else (value,) if isinstance(value, str) else value


def _one_or_several(name, value):
    """A text, or a tuple of several; of several that are one, that one."""
    if isinstance(value, list | tuple) and value and all(isinstance(part, str) for part in value):
        return tuple(value) if len(value) > 1 else value[0]
    if not isinstance(value, str | None):
        raise invalid(name, "a text, or several", repr(value))
    return value
