"""A small convolutional network that learns a classifier from its answers alone, as graph code.

After Papernot, McDaniel, Goodfellow, Jha, Celik, Swami: Practical Black-Box Attacks against Machine Learning, 2017.
"""

import math

import tensorflow as tf

from tfadv import losses, random

# Adam's steps a round, images a step, its rate, how long it remembers, and what keeps it from dividing by 0.
STEPS, BATCH, RATE, DECAYS, FLOOR = 150, 128, 2e-3, (0.9, 0.999), 1e-7
# Deviation of the noise on what is learnt from. What fools a smoother substitute fools more victims.
NOISE = 0.3


def learn(victim, x, rounds, seed):
    """Train on the images x as the victim labels them, then on twice as many, and so on (algorithm 1).

    Each round asks about every image known, moved by a pixel or a few. The paper asks about x + lambda sign(grad z_l)
    instead, with the substitute's logit of the label l; such a substitute transferred less. What the rounds are worth,
    `benchmarks/choices.py` measures.

    Args:
        victim: images to logits, of which only the largest one is looked at; asked once about every image.
        x: images, (n, h, w, c).
        rounds: how often the images double; 0 learns from x alone.
        seed: a stateless seed.

    Returns:
        The substitute as a function from images to logits.
    """
    answers = victim(x)
    weights, y = initial(x.shape[1:], answers.shape[-1], random.key(seed, 0)), label(answers)
    for k in range(rounds + 1):
        if k:
            fresh = moved(x, random.key(seed, k, 1))
            x, y = tf.concat([x, fresh], axis=0), tf.concat([y, label(victim(fresh))], axis=0)
        weights = fit(weights, x, y, random.key(seed, k, 2))
    return lambda x: logits(weights, x)


def label(answers):
    return tf.argmax(answers, axis=-1, output_type=tf.int32)


def moved(x, seed):
    """All images moved alike along both sides, at most by a tenth of them and at least by a pixel on one."""
    most = [max(1, side // 10) for side in x.shape[1:3]]
    shift = tf.cast(random.uniform([2], seed) * [2.0 * m + 1 for m in most], tf.int32) - most
    return tf.roll(x, tf.where(tf.reduce_all(shift == 0), most, shift), axis=[1, 2])


def logits(weights, x):
    """Two convolutions of 4 x 4 pixels with stride 2, a layer of 100, logits; ReLU between them."""
    *convolutions, hidden, last = weights
    for kernel, bias in convolutions:
        x = tf.nn.relu(tf.nn.conv2d(x, kernel, 2, "SAME") + bias)
    x = tf.nn.relu(tf.reshape(x, [tf.shape(x)[0], hidden[0].shape[0]]) @ hidden[0] + hidden[1])
    return x @ last[0] + last[1]


def initial(image_shape, classes, seed):
    """Weights of variance 2 / inputs (He et al. 2015), biases 0."""
    height, width, channels = image_shape
    pixels = -(-height // 4) * -(-width // 4)
    shapes = ((4, 4, channels, 16), (4, 4, 16, 32), (pixels * 32, 100), (100, classes))
    draw = lambda k, shape: (2 / math.prod(shape[:-1])) ** 0.5 * random.normal(shape, random.key(seed, k))  # noqa: E731
    return tuple((draw(k, shape), tf.zeros(shape[-1:])) for k, shape in enumerate(shapes))


def fit(weights, x, y, seed):
    """Weights after `STEPS` steps of Adam (Kingma & Ba 2015) on the cross-entropy of random batches with noise."""
    known = tf.shape(x)[0]
    batch = tf.minimum(BATCH, known)

    def step(t, weights, mean, square):
        at = tf.cast(random.uniform([batch], random.key(seed, t, 0)) * tf.cast(known, tf.float32), tf.int32)
        images = tf.gather(x, at)
        images += NOISE * random.normal(tf.shape(images), random.key(seed, t, 1))
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(weights)
            loss = tf.reduce_mean(losses.cross_entropy(tf.gather(y, at), logits(weights, images)))
        return t + 1, *adam(t, weights, tape.gradient(loss, weights), mean, square)

    zeros = tf.nest.map_structure(tf.zeros_like, weights)
    return tf.while_loop(lambda t, *_: t < STEPS, step, (0, weights, zeros, zeros), maximum_iterations=STEPS)[1]


def adam(t, weights, gradient, mean, square):
    """Weights, and the running means of the gradient and its square, after step t = 0, 1, ..."""
    each = tf.nest.map_structure
    mean = each(lambda m, g: DECAYS[0] * m + (1 - DECAYS[0]) * g, mean, gradient)
    square = each(lambda s, g: DECAYS[1] * s + (1 - DECAYS[1]) * g * g, square, gradient)
    ahead = tf.cast(t + 1, tf.float32)
    rate = RATE * tf.sqrt(1 - DECAYS[1] ** ahead) / (1 - DECAYS[0] ** ahead)
    return each(lambda w, m, s: w - rate * m / (tf.sqrt(s) + FLOOR), weights, mean, square), mean, square
