"""The options of attacks: which a spec always shows, and what values they take."""

import math
import numbers
import types

from tfadv.errors import invalid

# An option that a spec string names even at its default: so that a result says what its "pgd" was.
SHOWN = types.MappingProxyType({"shown": True})
# An option whose values only a model can judge, such as the names of its layers.
OF_MODEL = types.MappingProxyType({"of_model": True})
# Steps, queries, restarts: the longest runs of the literature have 100,000 queries, and a typing error would never end.
MOST = 1_000_000


def check_whole(attack, *names, least=1, most=MOST):
    """Refuse hyper-parameters that are not whole numbers from `least` to `most`; NumPy's become Python's.

    Raises:
        TfadvError: naming the attack, the option and the value. So do the checks below.
    """
    for name in names:
        value = getattr(attack, name)
        if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < least:
            raise invalid(f"{attack.name}: {name}", f"a whole number of at least {least}", repr(value))
        if value > most:
            raise invalid(f"{attack.name}: {name}", f"a whole number of at most {most:,}", repr(value))
        object.__setattr__(attack, name, int(value))


def check_number(attack, *names, above_zero=False):
    """Refuse what is not a finite number of at least 0, or above 0; the others become Python floats."""
    for name in names:
        value = getattr(attack, name)
        right = isinstance(value, numbers.Real) and not isinstance(value, bool) and math.isfinite(value)
        if not right or value < 0 or (above_zero and value == 0):
            wanted = "a number above 0" if above_zero else "a number of at least 0"
            raise invalid(f"{attack.name}: {name}", wanted, repr(value))
        object.__setattr__(attack, name, float(value))


def check_flag(attack, *names):
    """Refuse hyper-parameters that are neither True nor False."""
    for name in names:
        if not isinstance(getattr(attack, name), bool):
            raise invalid(f"{attack.name}: {name}", "True or False", repr(getattr(attack, name)))


def check_choice(attack, name, known):
    """Refuse a hyper-parameter that is not among the known words."""
    value = getattr(attack, name)
    if not isinstance(value, str) or value not in known:
        raise invalid(f"{attack.name}: {name}", f"one of {', '.join(known)}", repr(value))
