"""Derivatives with respect to the input: the only gradient tapes on images in tfadv.

`logits_fn` maps images (n, h, w, c) to float32 logits (n, classes); `logits_of(model)` makes one from a Keras
model.
"""

import numpy as np
import tensorflow as tf

from tfadv.graph.inference import inference_model
from tfadv.tensors import finite_or, flat_sum, per_example

# What the largest entry of a direction is raised to on its way through float16, whose numbers begin at 6e-8 and end at
# 6.6e4. Without it, 15% of the pixels of a confident network had the gradient 0, and with it 0.01% (the network and the
# images of tests/test_gradients.py).
HALF_SCALE = 2.0**10


def logits_of(model, weights=False):
    """The model as attacks see it: `inference_model`, float32 logits.

    Args:
        weights: whether gradients with respect to weights are wanted too. Without them, those of models that compute in
            float16 are kept from vanishing on their way to the image.
    """

    asked = inference_model(model)

    def logits_fn(x):
        return tf.cast(asked(x, training=False), tf.float32)

    return logits_fn if weights or not computes_in_half(model) else _rescaled(logits_fn)


def computes_in_half(model, kinds=("float16",)):
    """Whether a Keras model, or a layer of it, computes in float16; bfloat16 has the range of float32.

    Args:
        kinds: the types that are meant.
    """
    parts = model._flatten_layers() if hasattr(model, "_flatten_layers") else ()
    return any(part.compute_dtype in kinds for part in parts)


def _rescaled(logits_fn):
    """The same function; gradients pass through it scaled up, or scaled down where that overflows."""

    def run(x):
        logits, pullback = logits_and_pullback(logits_fn, x)

        def rescaled(direction):
            largest = tf.reduce_max(tf.abs(direction), axis=-1)
            unit = tf.math.divide_no_nan(direction, largest[:, None])
            at = lambda scale: pullback(scale * unit) / scale  # noqa: E731
            gradient = at(HALF_SCALE)
            overflown = ~tf.math.is_finite(flat_sum(gradient))
            down = lambda: tf.where(per_example(overflown, gradient), at(1 / HALF_SCALE), gradient)  # noqa: E731
            gradient = tf.cond(tf.reduce_any(overflown), down, lambda: gradient)
            return per_example(largest, gradient) * gradient

        return logits, rescaled

    return from_pullback(run)


def from_pullback(run):
    """The function images -> logits whose gradients are what a pullback says. They cannot be differentiated again.

    Args:
        run: images (n, h, w, c) to logits (n, classes) and the function from directions (n, classes) to gradients
            (n, h, w, c).
    """

    @tf.custom_gradient
    def logits_fn(x):
        # Else tapes outside would record what is run, and derive it a second time.
        logits, pullback = run(tf.stop_gradient(x))

        def backward(direction, variables=()):
            # TensorFlow insists on an answer for the weights, which are not used.
            return (pullback(direction), [None] * len(variables)) if variables else pullback(direction)

        return logits, backward

    return logits_fn


def differentiable(model, x, attacked=logits_of):
    """Whether gradients lead from a model's logits back to images: attacks that need none are left where they do not.

    They do not where a step function or a graph that was saved without its gradients stands in the way.

    Args:
        model: a `keras.Model`.
        x: images, (n, h, w, c); the first 32 are tried.
        attacked: model -> logits function, an attack's own, which may use surrogate gradients: `BPDA().logits_fn`.
    """
    x = tf.constant(x[:32], tf.float32)
    try:
        logits, pullback = logits_and_pullback(attacked(model), x)
        # A sum of all logits would not do: that of log-probabilities hardly moves.
        direction = tf.random.stateless_normal(tf.shape(logits), [0, 1])
        gradient = finite_or(0.0, pullback(direction))
    except (LookupError, TypeError, tf.errors.OpError):
        return False
    return bool(np.any(gradient))


def logits_and_gradient(logits_fn, x, loss):
    """Logits, losses and the gradient of each example's loss with respect to its image.

    Args:
        logits_fn: images to logits.
        x: images, (n, h, w, c).
        loss: logits (n, classes) to losses (n,).

    Returns:
        logits (n, classes), losses (n,), gradients (n, h, w, c).
    """
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(x)
        logits = logits_fn(x)
        losses = loss(logits)
    return logits, losses, tape.gradient(losses, x, unconnected_gradients=tf.UnconnectedGradients.ZERO)


def logits_and_pullback(logits_fn, x):
    """Logits and the function that takes gradients of combinations of them.

    One backward pass a combination is faster on CPU than `GradientTape.batch_jacobian` (by 1.1 to 1.6 times,
    measured), and nothing of the size of a Jacobian need be kept.

    Returns:
        logits (n, classes), and a function from directions (n, classes) to the gradients of directions . logits,
        (n, h, w, c).
    """
    with tf.GradientTape(watch_accessed_variables=False, persistent=True) as tape:
        tape.watch(x)
        logits = logits_fn(x)
    zero = tf.UnconnectedGradients.ZERO
    return logits, lambda direction: tape.gradient(logits, x, direction, unconnected_gradients=zero)


def logits_and_jacobian(logits_fn, x, directions=None):
    """Logits and the derivatives of several combinations of them.

    Args:
        logits_fn: images to logits.
        x: images, (n, h, w, c).
        directions: the combinations of each example, (n, r, classes), e.g. one-hot(k) - one-hot(y); None for
            all logits.

    Returns:
        logits (n, classes), derivatives (n, r, h, w, c).
    """
    logits, pullback = logits_and_pullback(logits_fn, x)
    if directions is None:
        classes = logits.shape[-1]
        directions = tf.broadcast_to(tf.eye(classes), [tf.shape(x)[0], classes, classes])
    return logits, tf.stack([pullback(d) for d in tf.unstack(directions, axis=1)], axis=1)
