"""A small convolutional network that learns a classifier from its answers alone, as graph code.

Papernot, McDaniel, Goodfellow, Jha, Celik, Swami: Practical Black-Box Attacks against Machine Learning, 2017.
"""

import math

import tensorflow as tf

from tfadv import gradients, losses, random

# Steps of Adam a round, images a step, and the length of the augmenting step (their lambda).
STEPS, BATCH, LAMBDA = 150, 128, 0.1
RATE, DECAYS, FLOOR = 2e-3, (0.9, 0.999), 1e-7


def learn(victim, x, rounds, seed):
    """Train on the images x as the victim labels them, then on twice as many, and so on (algorithm 1).

    Each round adds, for every image known, x + lambda sign(grad z_l(x)): a step along which the substitute's logit of
    the victim's label l changes most, so where its idea of the boundary is tested.

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
            fresh = augmented(weights, x, y)
            x, y = tf.concat([x, fresh], axis=0), tf.concat([y, label(victim(fresh))], axis=0)
        weights = fit(weights, x, y, random.key(seed, k + 1))
    return lambda x: logits(weights, x)


def label(answers):
    return tf.argmax(answers, axis=-1, output_type=tf.int32)


def logits(weights, x):
    """Two convolutions of 4 x 4 pixels with stride 2, a layer of 100, logits; ReLU between them."""
    first, second, hidden, last = weights
    for kernel, bias in (first, second):
        x = tf.nn.relu(tf.nn.conv2d(x, kernel, 2, "SAME") + bias)
    x = tf.nn.relu(tf.reshape(x, [tf.shape(x)[0], hidden[0].shape[0]]) @ hidden[0] + hidden[1])
    return x @ last[0] + last[1]


def initial(image_shape, classes, seed):
    """Weights of variance 2 / inputs (He et al. 2015), biases 0."""
    height, width, channels = image_shape
    pixels = -(-height // 4) * -(-width // 4)
    shapes = ((4, 4, channels, 16), (4, 4, 16, 32), (pixels * 32, 100), (100, classes))

    def pair(k, shape):
        scale = (2 / math.prod(shape[:-1])) ** 0.5
        return scale * random.normal(shape, random.key(seed, k)), tf.zeros(shape[-1:])

    return tuple(pair(k, shape) for k, shape in enumerate(shapes))


def augmented(weights, x, y):
    model = lambda x: logits(weights, x)  # noqa: E731
    gradient = gradients.logits_and_gradient(model, x, lambda z: losses.true_logit(y, z))[2]
    return tf.clip_by_value(x + LAMBDA * tf.sign(gradient), 0.0, 1.0)


def fit(weights, x, y, seed):
    """Weights after `STEPS` steps of Adam (Kingma & Ba 2015) on the cross-entropy of random batches."""

    def step(t, weights, mean, square):
        drawn = random.uniform([tf.minimum(BATCH, tf.shape(x)[0])], random.key(seed, t))
        at = tf.cast(drawn * tf.cast(tf.shape(x)[0], tf.float32), tf.int32)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(weights)
            loss = tf.reduce_mean(losses.cross_entropy(tf.gather(y, at), logits(weights, tf.gather(x, at))))
        gradient = tape.gradient(loss, weights)
        ahead = tf.cast(t + 1, tf.float32)
        blend = lambda decay: lambda old, new: decay * old + (1 - decay) * new  # noqa: E731
        mean = tf.nest.map_structure(blend(DECAYS[0]), mean, gradient)
        square = tf.nest.map_structure(blend(DECAYS[1]), square, tf.nest.map_structure(tf.square, gradient))
        rate = RATE * tf.sqrt(1 - DECAYS[1] ** ahead) / (1 - DECAYS[0] ** ahead)
        move = lambda w, m, s: w - rate * m / (tf.sqrt(s) + FLOOR)  # noqa: E731
        return t + 1, tf.nest.map_structure(move, weights, mean, square), mean, square

    zeros = tf.nest.map_structure(tf.zeros_like, weights)
    return tf.while_loop(lambda t, *_: t < STEPS, step, (0, weights, zeros, zeros), maximum_iterations=STEPS)[1]
