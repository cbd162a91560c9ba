"""Threat models: what the attacker may do. One norm a file, one line here."""

import typing

from tfadv import spec
from tfadv.errors import TfadvError
from tfadv.registry import Registry, lazy_names

NORMS = Registry(
    "norm",
    {
        "linf": "tfadv.threat.linf:LInf",
        "l2": "tfadv.threat.l2:L2",
        "l1": "tfadv.threat.l1:L1",
    },
)


def parse(text):
    """Read a threat model: `linf:8/255`, `l2:0.5`, `l1:12`; `parse(str(threat)) == threat`.

    >>> parse("linf:8/255") == LInf(8 / 255)
    True

    Raises:
        TfadvError: for an unknown norm or an eps that is not a number of at least 0.
    """
    norm, _, eps = text.strip().partition(":")
    if norm.lower() not in NORMS or not eps:
        raise TfadvError(
            f"cannot read the threat model {text!r}: write a norm ({', '.join(NORMS)}) and an eps, e.g. linf:8/255."
        )
    return NORMS[norm.lower()](spec.number(eps))


if typing.TYPE_CHECKING:
    from tfadv.threat.base import ThreatModel as ThreatModel
    from tfadv.threat.l1 import L1 as L1
    from tfadv.threat.l2 import L2 as L2
    from tfadv.threat.linf import LInf as LInf
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, NORMS, "tfadv.threat.base:ThreatModel")
