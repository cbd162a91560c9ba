"""Points in a training: an epoch, or a share of all epochs. Imports no TensorFlow."""

from tfadv.errors import invalid


def epoch_of(value: int | float, epochs: int) -> int:
    """The epoch that is meant, counted from 1: a whole number as it is, a share below 1 of all epochs rounded.

    >>> epoch_of(3, 10), epoch_of(0.75, 10)
    (3, 8)
    """
    return value if isinstance(value, int) else max(1, round(value * epochs))


def check_epoch(what: str, value: object) -> None:
    """Raises TfadvError unless the value is an epoch of at least 1, or a share of all epochs above 0 and below 1."""
    if not is_epoch(value):
        raise invalid(what, "a number of epochs of at least 1, or a share of them above 0 and below 1", repr(value))


def is_epoch(value: object) -> bool:
    """Whether the value is one of the two."""
    if isinstance(value, bool):
        return False
    return (isinstance(value, int) and value >= 1) or (isinstance(value, float) and 0 < value < 1)
