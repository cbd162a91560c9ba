"""Several answers to an image, made into one."""

import keras
from keras import ops

from tfadv.errors import invalid

MEANS = ("logits", "probabilities", "votes")


def check(votes: int, mean: str) -> None:
    """Raises TfadvError unless there is at least one vote, and a mean that is known."""
    if type(votes) is not int or votes < 1:
        raise invalid("votes", "a whole number of at least 1", repr(votes))
    if mean not in MEANS:
        raise invalid("mean", " or ".join(MEANS), repr(mean))


def repeated(x: keras.KerasTensor, votes: int) -> keras.KerasTensor:
    """Each image so many times, one after the other: (n, h, w, c) to (votes n, h, w, c)."""
    return x if votes == 1 else ops.repeat(x, votes, axis=0)


def united(z: keras.KerasTensor, votes: int, mean: str) -> keras.KerasTensor:
    """Of the logits of `repeated` images one answer for each image: (votes n, classes) to (n, classes)."""
    return joined(ops.reshape(z, (-1, votes, z.shape[-1])), mean)


def joined(z: keras.KerasTensor, mean: str) -> keras.KerasTensor:
    """The mean of several answers, logits (n, votes, classes), as float32 logits (n, classes).

    Args:
        mean: `"logits"`; `"probabilities"`, the logarithm of the mean softmax; or `"votes"`, how many name each class,
            whose gradient is zero.
    """
    z, votes = ops.cast(z, "float32"), z.shape[1]
    if mean == "votes":
        return ops.sum(ops.one_hot(ops.argmax(z, axis=-1), z.shape[-1], dtype="float32"), axis=1)
    if mean == "logits" or votes == 1:
        return ops.mean(z, axis=1)
    return ops.logsumexp(ops.log_softmax(z, axis=-1) - ops.log(float(votes)), axis=1)
