"""The floor: input-gradient sign steps and nothing else, in the four forms that TensorFlow offers."""

import tensorflow as tf

from tfadv.graph.xla import xla_pays

UNROLL = 8


def gradient(model, x, y):
    """The gradient of the cross-entropy with respect to the images, (n, h, w, c)."""
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(x)
        logits = model(x, training=False)
        loss = tf.reduce_sum(tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits))
    return tape.gradient(loss, x)


def forms(model, x, y, eps, step_size, steps, batch_size):
    """name -> function without arguments that takes `steps` sign steps on all images, batch by batch."""
    batches = [
        (tf.constant(x[i : i + batch_size]), tf.constant(y[i : i + batch_size])) for i in range(0, len(x), batch_size)
    ]

    def step(x_adv, low, high, y):
        return tf.clip_by_value(x_adv + step_size * tf.sign(gradient(model, x_adv, y)), low, high)

    def ball(x):
        return tf.maximum(x - eps, 0.0), tf.minimum(x + eps, 1.0)

    compiled_step = tf.function(step)

    def calls(x, y):
        low, high = ball(x)
        for _ in range(steps):
            x = compiled_step(x, low, high, y)
        return x

    def loop(x, y, unroll=1):
        low, high = ball(x)

        def body(t, x):
            for _ in range(unroll):
                x = step(x, low, high, y)
            return t + unroll, x

        return tf.while_loop(lambda t, _: t < steps, body, (0, x), maximum_iterations=-(-steps // unroll))[1]

    ways = {"bare: one compiled step, called": calls, "bare: while_loop": tf.function(loop)}
    unroll = UNROLL if steps % UNROLL == 0 else steps
    ways[f"bare: loop unrolled by {unroll}"] = tf.function(lambda x, y: loop(x, y, unroll))
    if xla_pays(model):
        ways["bare: while_loop under XLA"] = tf.function(loop, jit_compile=True)
    # .numpy() waits for the result.
    return {name: lambda way=way: [way(*batch).numpy() for batch in batches] for name, way in ways.items()}
