"""Loops and branches of a traced model, done again with their operations changed (`tfadv.graph.replay`)."""

import tensorflow as tf

from tfadv.graph.replay import LOOPS, function_of, through
from tfadv.tensors import finite_or


def looped(replay, op, inputs):
    """`tf.while_loop`: as many steps as before, each of them done again."""
    body = function_of(op, "body").graph
    # What no step changes, weights among it, is no part of the state.
    state = [k for k, (before, after) in enumerate(zip(body.inputs, body.outputs, strict=True)) if before is not after]
    depends = replay.depends(*inputs)

    def complete(parts):
        given = list(inputs)
        for k, part in zip(state, parts, strict=True):
            given[k] = part
        return given

    def goes_on(*parts):
        return replay.within().body(op, "cond", complete(parts))[0]

    def step(*parts):
        # What a step makes of the images depends on them after the first.
        moved = [part for part in parts if depends and (part.dtype.is_floating or part.dtype == tf.variant)]
        found = replay.within().body(op, "body", complete(parts), moved)
        return [found[k] for k in state]

    shapes = [body.inputs[k].shape for k in state]
    return complete(tf.while_loop(goes_on, step, [inputs[k] for k in state], shape_invariants=shapes))


def either(replay, op, inputs):
    """`tf.cond`: both branches, weighted by the probability of the condition, as of `where`."""
    chosen, *given = inputs
    p, branches = replay.softened(chosen), [op.get_attr("then_branch"), op.get_attr("else_branch")]
    index = tf.where(tf.cast(chosen, tf.bool), 0, 1)
    return _branch(replay, op, given, branches, index, None if p is None else (p, 1 - p))


def one_of(replay, op, inputs):
    """`tf.switch_case`: all branches, weighted by how near the index is."""
    index, *given = inputs
    branches, side = op.get_attr("branches"), replay.softened(index)
    near = None if side is None else tf.nn.softmax(-tf.square(side - tf.range(len(branches), dtype=tf.float32)))
    # An index that names no branch means the last one.
    index = tf.where((index < 0) | (index >= len(branches)), len(branches) - 1, index)
    return _branch(replay, op, given, branches, index, None if near is None else tf.unstack(near))


def _branch(replay, op, given, branches, index, shares):
    """The outputs of the branch with this index; of all, weighted by `shares`, where these are known."""
    body = lambda branch: replay.within().body(op, branch, given)  # noqa: E731
    kinds = [[(part.shape, part.dtype) for part in function_of(op, branch).graph.outputs] for branch in branches]
    alike = all(one == kinds[0] and all(dtype.is_numpy_compatible for _, dtype in one) for one in kinds)
    if shares is None or not alike:
        return tf.nest.flatten(tf.switch_case(index, [lambda branch=branch: body(branch) for branch in branches]))
    return [weighted(shares, tf.stack(parts)[index], parts) for parts in zip(*map(body, branches), strict=True)]


def weighted(shares, exact, parts):
    """The one of several tensors that was chosen, with the gradients of all, and of the shares that weigh them."""
    if not exact.dtype.is_floating:
        return exact
    smooth = tf.zeros([], exact.dtype)
    for share, part in zip(shares, parts, strict=True):
        share, part = tf.cast(share, exact.dtype), finite_or(tf.zeros([], exact.dtype), part)
        smooth += tf.stop_gradient(share) * part + share * tf.stop_gradient(part)
    return through(exact, smooth)


FLOW = (
    dict.fromkeys(LOOPS, looped)
    | dict.fromkeys(("If", "StatelessIf"), either)
    | dict.fromkeys(("Case", "StatelessCase"), one_of)
)
