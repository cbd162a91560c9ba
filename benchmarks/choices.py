"""Why the code is as it is: the measurements behind choices that docstrings mention.

    python benchmarks/choices.py [rows] [strided_convolution] [hyperplane] [substitute] [square]

Milliseconds are medians, and forms take turns.
"""

import argparse

import numpy as np
import tensorflow as tf
import timing
import trained

from tfadv import L1, LInf, attacks, gradients, losses, random
from tfadv.evaluation import metrics
from tfadv.graph.strided_convolution import with_fast_input_gradient

REPEATS, LOOPS = 9, 20


def compare(title, forms, x):
    """Time functions of images, each `LOOPS` times in one graph, and print them."""

    def many(form):
        @tf.function(autograph=False)
        def run(x):
            # Each turn needs the one before.
            turn = lambda i, x: (i + 1, x + 0 * tf.reshape(form(x), [-1])[0])  # noqa: E731
            return tf.while_loop(lambda i, _: i < LOOPS, turn, (0, x))[1]

        return lambda: run(x).numpy()

    seconds = timing.medians({name: many(form) for name, form in forms.items()}, REPEATS)
    print(f"{title}: " + ", ".join(f"{name} {1e3 * took / LOOPS:.2f} ms" for name, took in seconds.items()), flush=True)


def rows():
    """`tf.where` with one condition an example, on images and on rows."""
    which = random.uniform([500], random.key(1)) < 0.5
    forms = {
        "images": lambda x: tf.where(which[:, None, None, None], x, 0.0),
        "rows": lambda x: tf.where(which[:, None], tf.reshape(x, [500, -1]), 0.0),
    }
    for channels in (1, 3):
        x = random.uniform([500, 32, 32, channels], random.key(0))
        compare(f"tf.where, 500 images 32 x 32 x {channels}", forms, x)


def strided_convolution():
    """The gradient of the cross-entropy with and without `with_fast_input_gradient`."""
    for name in ("mnist_cnn", "cifar_cnn"):
        model, data = trained.load(name)
        x, y = tf.constant(data.test.x[:100]), tf.constant(data.test.y[:100])
        forms = {"TensorFlow's": gradient_of(model, y), "ours": gradient_of(with_fast_input_gradient(model), y)}
        compare(f"gradients of 100 images, {name}", forms, x)


def gradient_of(model, y):
    """The gradient of the cross-entropy with respect to images, as a function of them."""
    logits_fn = gradients.logits_of(model)
    return lambda x: gradients.logits_and_gradient(logits_fn, x, lambda z: losses.cross_entropy(y, z))[2]


def hyperplane():
    """The nearest point of a hyperplane in the box, by Newton's method and by sorting."""
    x, w = (random.uniform([500, 784], random.key(seed)) for seed in (1, 2))
    gap = 0.1 * tf.reduce_sum(w, axis=1)

    def by_sorting(x):
        order = tf.argsort(x, axis=1)  # w and gap are above 0: each pixel has the room x.
        room, pace = tf.gather(x, order, batch_dims=1), tf.gather(w, order, batch_dims=1)
        left = tf.reduce_sum(pace, axis=1, keepdims=True) - tf.cumsum(pace, axis=1, exclusive=True)
        closed = tf.cumsum(room * pace, axis=1, exclusive=True) + room * left
        at = tf.argmax(closed >= gap[:, None], axis=1, output_type=tf.int32)
        take = lambda values: tf.gather(values, at, axis=1, batch_dims=1)  # noqa: E731
        return -tf.minimum(x, (take(room) - (take(closed) - gap) / take(left))[:, None])

    by_newton = lambda x: LInf(0.0).displacement(x, w, gap)[0]  # noqa: E731
    np.testing.assert_allclose(by_sorting(x), by_newton(x), atol=1e-5)
    compare("500 hyperplanes in 784 dimensions, l_inf", {"Newton": by_newton, "sorting": by_sorting}, x)


def substitute():
    """Accuracy that PGD on a substitute leaves, by the rounds in which it asked for more images."""
    model, data = trained.load("mnist_cnn")
    x, y = data.test.x[:300], data.test.y[:300]
    for rounds in (0, 3):
        attack = attacks.get(f"transfer(attack=pgd, rounds={rounds})")
        left = [metrics.correct(model, attack(model, x, y, threat=LInf(0.2), seed=seed), y).mean() for seed in range(3)]
        print(f"transfer to mnist_cnn, 300 digits, linf:0.2, {rounds} rounds: {spread(left)}", flush=True)


def square():
    """Accuracy that Square leaves in l_1, of one seed and another."""
    model, data = trained.load("mnist_cnn")
    x, y = data.test.x[:200], data.test.y[:200]
    attack = attacks.get("square(queries=1000)")
    left = [metrics.correct(model, attack(model, x, y, threat=L1(10), seed=seed), y).mean() for seed in range(5)]
    print(f"square on mnist_cnn, 200 digits, l1:10, 1,000 queries: {spread(left)}", flush=True)


def spread(shares):
    return f"{np.mean(shares):.1%} left on average; " + ", ".join(f"{share:.1%}" for share in shares)


if __name__ == "__main__":
    known = {measure.__name__: measure for measure in (rows, strided_convolution, hyperplane, substitute, square)}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="*", help=", ".join(known), default=list(known))
    timing.machine()
    given = parser.parse_args().what
    if unknown := set(given) - set(known):
        parser.error(f"expected names of {', '.join(known)}, received {', '.join(sorted(unknown))}")
    for name in given:
        known[name]()
