"""What the hand-made attacks share: gradient steps towards several goals; the first image that fools is kept.

Nothing of tfadv's attacks is in it, so that they can be judged by it.
"""

import numpy as np
import tensorflow as tf

from tfadv import random, validation

CROSS_ENTROPY, MARGIN = -2, -1


def strongest(model, x, y, threat, surrogates, *, steps=100, goals=9, restarts=1, draws=1, seed=0):
    """Adversarial images for a model, found with the gradients of other functions: (n, h, w, c).

    Each surrogate is climbed with the cross-entropy, with the margin and towards each of the likeliest other classes.
    The model itself says after each step whether it is fooled. Where nothing fools, the image comes back as it was.

    Args:
        surrogates: functions of images to logits, one after another on what is left.
        steps, restarts: of each goal.
        goals: how many of the likeliest other classes are targets.
        draws: by how many answers of a random model an image is judged; it wins with more than half of them.
    """
    reject = validation.rejects(model)
    fooled = lambda x, y: _share_fooled(model, x, y, draws, reject)  # noqa: E731
    kept, share = x.copy(), fooled(tf.constant(x), tf.constant(y)).numpy()
    ranked = ranks(model, x, y, reject)
    for number, surrogate in enumerate(surrogates):
        climb = climber(surrogate, fooled, threat, steps, reject)
        for k, goal in enumerate([CROSS_ENTROPY, MARGIN, *range(min(goals, ranked.shape[1]))] * restarts):
            at = np.flatnonzero(share < (1 if draws == 1 else 0.75))
            if not at.size:
                return kept
            target = ranked[at, goal] if goal >= 0 else np.full(at.size, goal)
            key = random.key(seed, 1000 * number + k)
            found, won = climb(x[at], y[at], target.astype(np.int32), key)
            better = won.numpy() > share[at]
            kept[at[better]], share[at[better]] = found.numpy()[better], won.numpy()[better]
    return kept


def ranks(model, x, y, reject):
    """The classes other than the label, likeliest first, (n, classes - 1)."""
    z = np.array(model(x))
    z = z[:, :-1] if reject else z
    z[np.arange(len(y)), y] = -np.inf
    return np.argsort(-z, axis=1, kind="stable")[:, :-1]


def climber(logits_fn, fooled, threat, steps, reject):
    """Signed gradient steps with momentum, from a random start, as one compiled function."""

    def gradient(x_adv, y, target):
        with tf.GradientTape() as tape:
            tape.watch(x_adv)
            value = loss(logits_fn(x_adv), y, target, reject)
        return tape.gradient(value, x_adv)

    @tf.function(autograph=False, reduce_retracing=True)
    def climb(x, y, target, key):
        start = threat.random_start(x, key)

        def step(i, x_adv, moved, kept, share):
            # From eps to nearly 0, as half a cosine; momentum as in APGD (Croce & Hein 2020).
            size = threat.eps * (0.01 + 0.5 * (1 + tf.cos(np.pi * tf.cast(i, tf.float32) / steps)))
            ascended = threat.project(x_adv + size * threat.steepest(gradient(x_adv, y, target)), x)
            new = threat.project(x_adv + 0.75 * (ascended - x_adv) + 0.25 * moved, x)
            won = tf.ensure_shape(fooled(new, y), y.shape)  # forgotten where a model is called in Python
            better = won > share
            return i + 1, new, new - x_adv, tf.where(better[:, None, None, None], new, kept), tf.maximum(share, won)

        state = (0, start, tf.zeros_like(x), start, tf.ensure_shape(fooled(start, y), y.shape))
        found = tf.while_loop(lambda i, *_: i < steps, step, state)
        return found[3:]

    return lambda x, y, target, key: climb(*map(tf.constant, (x, y, target)), key)


def loss(z, y, target, reject):
    """What is climbed, (n,): the cross-entropy, the margin of the best wrong class, or that of the target."""
    classes = tf.shape(z)[1] - int(reject)
    right = tf.one_hot(y, classes) > 0
    wrong = tf.where(right, -np.inf, z[:, :classes])
    # To be rejected is no success either.
    held = tf.gather(z, y, batch_dims=1)
    held = tf.maximum(held, z[:, -1]) if reject else held
    aimed = tf.gather(z, tf.maximum(target, 0), batch_dims=1)
    margin = tf.where(target >= 0, aimed, tf.reduce_max(wrong, axis=1)) - held
    surprise = tf.nn.sparse_softmax_cross_entropy_with_logits(y, z)
    return tf.where(target == CROSS_ENTROPY, surprise, margin)


def expected(logits_fn, draws=16):
    """The mean over draws of a random function (Athalye et al. 2018: expectation over transformation)."""

    def mean(x):
        z = logits_fn(tf.repeat(x, draws, axis=0))
        return tf.reduce_mean(tf.reshape(z, [-1, draws, z.shape[-1]]), axis=1)

    return mean


def smoothed(logits_fn, deviation, draws=16):
    """The mean over normally distributed moves of the image: its gradient sees around."""
    return expected(lambda x: logits_fn(x + deviation * tf.random.normal(tf.shape(x), seed=1)), draws)


def joined(*functions):
    """The log of the mean probability of several functions of images to logits."""

    def joint(x):
        probabilities = [tf.nn.softmax(logits_fn(x)) for logits_fn in functions]
        return tf.math.log(tf.add_n(probabilities) / len(functions) + 1e-9)

    return joint


def averaged(*functions):
    """The mean of the logits of several functions."""
    return lambda x: tf.add_n([logits_fn(x) for logits_fn in functions]) / len(functions)


def _share_fooled(model, x, y, draws, reject):
    return tf.add_n([_wrong(model(x), y, reject) for _ in range(draws)]) / draws


def _wrong(z, y, reject):
    predicted = tf.argmax(z, axis=-1, output_type=tf.int32)
    rejected = (predicted == z.shape[-1] - 1) if reject else tf.zeros_like(predicted, tf.bool)
    return tf.cast((predicted != y) & ~rejected, tf.float32)
