"""Attacks around an attack: another view of the model, or another problem, for what is run within."""

import dataclasses
import typing

from tfadv.attacks import get
from tfadv.attacks.base import Attack
from tfadv.attacks.options import SHOWN
from tfadv.errors import TfadvError, invalid
from tfadv.threat import NORMS


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class AttackWrapper(Attack):
    """Hands on everything to the attack within; subclasses override `logits_fn`, or `perturb` and `cost`.

    Args:
        attack: what is run, an attack or its spec.
    """

    # The option that a spec may give first without its name.
    wraps: typing.ClassVar[str] = "attack"
    # All; `check_norm` asks the attack within.
    norms: typing.ClassVar[tuple[str, ...]] = tuple(NORMS)

    attack: str | Attack = dataclasses.field(default="pgd(steps=40)", metadata=SHOWN)

    def __post_init__(self):
        """Refuse what is no attack; of what a spec can say, the spec is kept, which shows and compares well."""
        given = self.attack
        if not isinstance(given, str | Attack):
            hint = 'write e.g. attack="pgd(steps=40)".'
            raise invalid(f"{self.name}: attack", "an attack or its spec", repr(given), hint)
        try:
            read = get(str(given))
        except TfadvError as error:
            if isinstance(given, Attack):  # it is not registered
                return
            raise invalid(f"{self.name}: attack", "the spec of an attack", repr(given), str(error)) from error
        if isinstance(given, str) or read == given:
            object.__setattr__(self, "attack", str(read))

    @property
    def inner(self) -> Attack:
        """The attack within."""
        return get(self.attack) if isinstance(self.attack, str) else self.attack

    @property
    def on_rows(self):
        return self.inner.on_rows

    @property
    def on_images(self):
        return self.inner.on_images

    @property
    def xla_compatible(self):
        return self.inner.xla_compatible

    @property
    def seeded(self):
        return self.inner.seeded

    @property
    def black_box(self):
        return self.inner.black_box

    def check_norm(self, norm):
        self.inner.check_norm(norm)

    def logits_fn(self, model):
        return self.inner.logits_fn(model)

    def surrogate(self, model):
        return self.inner.surrogate(model)

    @property
    def serves_architecture(self):
        own = type(self).logits_fn, type(self).surrogate
        return own == (AttackWrapper.logits_fn, AttackWrapper.surrogate) and self.inner.serves_architecture

    def members(self, classes, norm):
        """Of an ensemble within, each member wrapped like the whole."""
        return tuple(dataclasses.replace(self, attack=one) for one in self.inner.members(classes, norm))

    def until_fooled(self):
        return dataclasses.replace(self, attack=self.inner.until_fooled())

    def perturb(self, problem, threat, seed):
        return self.inner.perturb(problem, threat, seed)

    def cost(self, classes):
        return self.inner.cost(classes)
