"""Noise left out of a traced model: random numbers and hashes of pixels are their means (`tfadv.graph.replay`).

Rules tell each other of it by notes: `"uniform"`, the interval that a number is drawn from; `"drawn"`, that a
comparison with it is a probability; `"hashed"`, that ints are a hash.
"""

import tensorflow as tf

from tfadv.graph.replay import again


def silent(replay, op, inputs):
    """Normal noise: its mean."""
    return [tf.zeros(inputs[0], op.outputs[0].dtype)]


def halfway(replay, op, inputs):
    """Uniform noise: its mean; what is compared with it is a probability."""
    drawn = tf.fill(inputs[0], tf.cast(0.5, op.outputs[0].dtype))
    replay.notes["uniform", drawn.ref()] = tf.zeros([], drawn.dtype), tf.ones([], drawn.dtype)
    return [drawn]


def middle(replay, op, inputs):
    """Whole numbers at random: the one in the middle."""
    return [tf.fill(inputs[0], (inputs[-2] + inputs[-1]) // 2)]


def rate(replay, op, inputs):
    """Gamma and Poisson noise: its mean is the last input."""
    exact = again(op, inputs)[0]
    return [tf.zeros_like(exact) + tf.cast(inputs[-1], exact.dtype)]


def unmoved(replay, op, inputs):
    """What is shuffled stays in its order."""
    return [tf.cast(inputs[0], op.outputs[0].dtype)]


def drawn_below(replay, op, inputs):
    """A comparison of uniform noise with a number: the probability, instead of a draw."""
    drawn, bound = inputs
    low, apart = replay.notes["uniform", drawn.ref()]
    below = tf.clip_by_value((bound - low) / apart, 0.0, 1.0)
    share = below if op.type in ("Less", "LessEqual") else 1 - below
    exact = replay.with_soft(again(op, inputs), share + tf.zeros_like(drawn))
    replay.notes["drawn", exact[0].ref()] = True
    return exact


def mean_of(exact):
    """What noise is on average."""
    return [tf.stop_gradient(tf.fill(tf.shape(exact[0]), tf.reduce_mean(exact[0])))]


def bits(replay, op, inputs):
    """Bits of pixels as ints: only a hash needs them, and noise is what it is for."""
    return hashed(replay, op, inputs) if replay.depends(*inputs) and op.outputs[0].dtype.is_integer else None


def hashed(replay, op, inputs):
    """Ints made of hashed ints are hashed."""
    exact = again(op, inputs)
    replay.notes["hashed", exact[0].ref()] = True
    return exact


def kept_hash(replay, op, inputs):
    return hashed(replay, op, inputs) if any(("hashed", part.ref()) in replay.notes for part in inputs) else None


RANDOM = (
    dict.fromkeys(
        ("RandomStandardNormal", "TruncatedNormal", "StatelessRandomNormal", "StatelessRandomNormalV2",
         "StatelessTruncatedNormal", "StatelessTruncatedNormalV2"), silent
    )
    | dict.fromkeys(("RandomUniform", "StatelessRandomUniform", "StatelessRandomUniformV2"), halfway)
    | dict.fromkeys(("RandomUniformInt", "StatelessRandomUniformInt", "StatelessRandomUniformIntV2"), middle)
    | dict.fromkeys(("RandomGamma", "StatelessRandomGammaV2", "StatelessRandomGammaV3", "RandomPoissonV2",
                     "StatelessRandomPoisson"), rate)
    | dict.fromkeys(("RandomShuffle", "RandomIndexShuffle"), unmoved)
)  # fmt: skip
HASHING = dict.fromkeys(("BitwiseXor", "BitwiseAnd", "BitwiseOr", "LeftShift", "RightShift", "FloorMod"), kept_hash)
