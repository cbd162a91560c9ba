"""Threat models: what the attacker may do. One norm a file, one line here."""

import re
import typing

from tfadv.errors import TfadvError
from tfadv.registry import Registry, lazy_names

NORMS = Registry(
    "norm",
    {
        "linf": "tfadv.threat.linf:LInf",
        "l2": "tfadv.threat.l2:L2",
        "l1": "tfadv.threat.l1:L1",
        "l0": "tfadv.threat.l0:L0",
        "patch": "tfadv.threat.patch:Patch",
    },
)


def parse(text: str) -> "ThreatModel":
    """Read a threat model: `linf:8/255`, `l2(eps=0.5, box=None)`; `parse(str(threat)) == threat`.

    The short form sets eps, and of a patch its area: `patch:0.05` is `patch(area=0.05)`.

    >>> parse("linf:8/255") == LInf(8 / 255)
    True

    Raises:
        TfadvError: for an unknown norm, and for an eps or another value that the norm refuses.
    """
    text = text.strip()
    norm = re.split(r"[:(]", text)[0].strip().lower()
    if norm not in NORMS:
        raise TfadvError(
            f"cannot read the threat model {text!r}: write a norm ({', '.join(NORMS)}) and an eps, e.g. linf:8/255."
        )
    return NORMS[norm].from_text(text)


def balls() -> tuple[str, ...]:
    """The norms with the geometry of a `Ball`, under which every attack works that does not say otherwise: names."""
    from tfadv.threat.base import Ball

    return tuple(norm for norm in NORMS if issubclass(NORMS[norm], Ball))


if typing.TYPE_CHECKING:
    from tfadv.threat.base import Ball as Ball
    from tfadv.threat.base import ThreatModel as ThreatModel
    from tfadv.threat.l0 import L0 as L0
    from tfadv.threat.l1 import L1 as L1
    from tfadv.threat.l2 import L2 as L2
    from tfadv.threat.linf import LInf as LInf
    from tfadv.threat.patch import Patch as Patch
else:
    __getattr__, __dir__, __all__ = lazy_names(
        __name__, NORMS, "tfadv.threat.base:ThreatModel", "tfadv.threat.base:Ball"
    )
