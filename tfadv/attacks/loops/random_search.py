"""Random search: propose a change, ask the model once, keep the change where the attacker's loss rose.

The loop of the attacks that see nothing but logits; each of them says only what it proposes.
"""

import tensorflow as tf

from tfadv.attacks.loops import active


def climb(problem, propose, state, queries, *, start=None, loss="margin"):
    """Ask `queries` times about each example, or until it is fooled; then it leaves the batch.

    Images that are misclassified already come back as they are.

    Args:
        problem: a `Problem` of n examples.
        propose: (t, x, best, better, state) to (images to ask about, state), with the best images so far, and
            where the last proposal was the better one, (m,) bool.
        state: what `propose` carries along: a nested structure of tensors with one row an example.
        queries: how often each example is asked about, besides x and `start`.
        start: where to begin, (n, h, w, c); None is x.
        loss: what rises, a name of `losses.LOSSES`.

    Returns:
        Images (n, h, w, c): what fooled the model, or the best proposal.
    """

    def step(t, problem, carried):
        best, height, better, state = carried
        x_adv, state = propose(t, problem.x, best, better, state)
        best, height, better = asked(problem, loss, x_adv, best, height)
        return reached(height), best, (best, height, better, state)

    best, height = begun(problem, loss, start)
    return active.loop(problem, step, (best, height, tf.ones_like(height, tf.bool), state), queries)[0]


def begun(problem, loss, start=None):
    """The first images, `start` for those that are right, and their heights."""
    height = height_of(problem, loss, problem.x)
    if start is None:
        return problem.x, height
    wrong = reached(height)
    height = tf.where(wrong, height, height_of(problem, loss, start))
    return rows_where(wrong, problem.x, start), height


def asked(problem, loss, x_adv, best, height):
    """The best images and their heights after the model was asked about others, and where these are better."""
    found = height_of(problem, loss, x_adv)
    better = found > height
    return rows_where(better, x_adv, best), tf.where(better, found, height), better


def height_of(problem, loss, x_adv):
    """What is climbed: the loss, infinite where an image reaches what the attacker wants."""
    logits = problem.logits_fn(x_adv)
    return tf.where(problem.reached(logits), float("inf"), problem.loss(loss, logits))


def reached(height):
    """Where an image reaches what the attacker wants."""
    return tf.math.is_inf(height) & (height > 0)


def rows_where(which, x, otherwise):
    """tf.where for whole examples, which copies them instead of looking at every pixel: `which` is (n,) bool."""
    return tf.raw_ops.Select(condition=which, x=x, y=otherwise)
