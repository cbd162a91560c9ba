"""The values of options: what they must be, said in one sentence."""

from collections.abc import Callable

from tfadv.errors import invalid

# Images at a time that are judged or attacked where nothing is said: more are hardly faster, and take memory.
BATCH = 500


def number(
    what: str, value: object, expected: str, fits: Callable[[float], bool], kinds: tuple = (int, float)
) -> float:
    """The value of an option, if it is a number that fits; True and False are none.

    Args:
        what: the option, for the message, `"mart: lam"`.
        expected: what fits, in words.
        fits: the same as a condition.
        kinds: the types that are numbers here, `(int,)` for whole ones.

    Raises:
        TfadvError: if it is none, or does not fit.

    >>> number("mart: lam", 5, "a number of at least 0", lambda value: value >= 0)
    5
    """
    if isinstance(value, bool) or not isinstance(value, kinds) or not fits(value):
        raise invalid(what, expected, repr(value))
    return value
