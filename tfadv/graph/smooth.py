"""Operations without a useful gradient, each with a smooth one in its place: forward as it was, backward the other.

Athalye, Carlini, Wagner 2018, section 4.1 (BPDA), for the operations of TensorFlow: rounding is passed straight
through, a step becomes a sigmoid and an arg-max a softmax, as wide as their inputs are spread, noise its mean, and
gradients that a model replaces (`stop_gradient`, custom gradients) are those of what it computes.
"""

import tensorflow as tf

from tfadv.graph import noise_free
from tfadv.graph.flow import FLOW, weighted
from tfadv.graph.replay import again, through

# Operations that only move values about, so that they do the same to what takes the place of bools and ints.
MOVING = (
    "Reshape", "ExpandDims", "Squeeze", "Transpose", "Tile", "ConcatV2", "Pack", "Unpack", "Identity", "Pad", "PadV2",
    "StridedSlice", "Slice", "BroadcastTo", "Split", "SplitV", "ReverseV2",
    "Sub", "AddN", "Maximum", "Minimum", "Max", "Min", "Prod", "Mean", "Neg",
)  # fmt: skip
# What is left of the slope of an operation that is flat where it is saturated.
LEAK = 0.1


def width(x):
    """How far values lie from 0, on average: what a step over them is smoothed by."""
    return tf.stop_gradient(tf.reduce_mean(tf.abs(x))) + 1e-12


def straight(replay, op, inputs):
    """round, floor, ceil: the identity."""
    return [through(again(op, inputs)[0], inputs[0])] if replay.depends(inputs[0]) else None


def passed(replay, op, inputs):
    """stop_gradient and custom gradients: what is computed."""
    return list(inputs)


def sign(replay, op, inputs):
    return [through(again(op, inputs)[0], tf.tanh(inputs[0] / width(inputs[0])))] if replay.depends(*inputs) else None


def root(replay, op, inputs):
    """A square root whose slope at 0 is finite."""
    return [through(again(op, inputs)[0], tf.sqrt(tf.maximum(inputs[0], 0.0) + 1e-12))]


def step(replay, op, inputs):
    """a > b: the sigmoid of a - b; of a number drawn uniformly from [0, 1] the probability."""
    if ("uniform", inputs[0].ref()) in replay.notes and inputs[1].dtype.is_floating:
        return noise_free.drawn_below(replay, op, inputs)
    if not replay.depends(*inputs):
        return None
    a, b = (_as_floats(replay, part) for part in inputs)
    gap = b - a if op.type in ("Less", "LessEqual") else a - b
    return replay.with_soft(again(op, inputs), tf.sigmoid(gap / width(gap)))


def equal(replay, op, inputs):
    """a = b: a bump around it."""
    if not replay.depends(*inputs) or all(replay.softened(part) is None for part in inputs):
        return None
    a, b = (_as_floats(replay, part) for part in inputs)
    holds = tf.exp(-tf.square((a - b) / width(a - b)))
    return replay.with_soft(again(op, inputs), 1 - holds if op.type == "NotEqual" else holds)


def logical(replay, op, inputs):
    """and, or, not as of probabilities that do not depend on each other."""
    if all(replay.softened(part) is None for part in inputs):
        return None
    p, *q = (_as_floats(replay, part) for part in inputs)
    holds = {"LogicalNot": lambda: 1 - p, "LogicalAnd": lambda: p * q[0], "LogicalOr": lambda: p + q[0] - p * q[0]}
    return replay.with_soft(again(op, inputs), holds[op.type]())


def any_or_all(replay, op, inputs):
    side = replay.softened(inputs[0])
    if side is None:
        return None
    reduce = tf.reduce_max if op.type == "Any" else tf.reduce_min
    return replay.with_soft(again(op, inputs), reduce(side, inputs[1], keepdims=op.get_attr("keep_dims")))


def choice(replay, op, inputs):
    """where(c, a, b): both branches, weighted by the probability of c, and what c moves itself."""
    chosen, a, b = inputs
    p = replay.softened(chosen)
    if p is None or not a.dtype.is_floating:
        return None
    if op.type == "Select" and 0 < p.shape.rank < a.shape.rank:  # one value chooses a whole example
        p = _with_axes(p, a)
    if ("drawn", chosen.ref()) in replay.notes:
        p = tf.cast(p, a.dtype)
        return [p * a + (1 - p) * b]
    return [weighted((p, 1 - p), again(op, inputs)[0], (a, b))]


def cast(replay, op, inputs):
    """To floats: what takes the place of the ints or bools; to them: the floats."""
    given, to = inputs[0], op.outputs[0].dtype
    if ("hashed", given.ref()) in replay.notes:
        return noise_free.mean_of(again(op, inputs)) if to.is_floating else noise_free.hashed(replay, op, inputs)
    side = replay.softened(given)
    if side is None or (given.dtype.is_floating and to.is_floating):
        return None
    if ("drawn", given.ref()) in replay.notes:
        return [tf.cast(side, to)]
    exact = again(op, inputs)
    return [through(exact[0], tf.cast(side, to))] if to.is_floating else replay.with_soft(exact, side)


def arg_max(replay, op, inputs):
    """The mean index under a softmax, which `one_hot` takes apart again."""
    x, axis = inputs[0], tf.get_static_value(inputs[1])
    if not (replay.depends(x) and x.dtype.is_floating) or axis is None:
        return None
    # A softmax is taken over the last axis.
    x = tf.experimental.numpy.moveaxis(-x if op.type == "ArgMin" else x, int(axis), -1)
    centered = x - tf.reduce_mean(x, axis=-1, keepdims=True)
    share = tf.nn.softmax(centered / width(centered))
    exact = again(op, inputs)
    replay.notes["shares", exact[0].ref()] = share
    return replay.with_soft(exact, tf.reduce_sum(share * tf.range(tf.shape(x)[-1], dtype=x.dtype), axis=-1))


def one_hot(replay, op, inputs):
    """The softmax itself, where an arg-max is encoded; bumps around an index elsewhere."""
    index, depth, on, off = inputs
    if replay.softened(index) is None or op.get_attr("axis") != -1 or not on.dtype.is_floating:
        return None
    share = replay.notes.get(("shares", index.ref()))
    if share is None:
        share = tf.nn.softmax(-tf.square(replay.soft[index.ref()][..., None] - tf.range(depth, dtype=tf.float32)))
    return [through(again(op, inputs)[0], tf.cast(share, on.dtype) * (on - off) + off)]


def bucket(replay, op, inputs):
    """How many boundaries lie below, each a sigmoid."""
    x, bounds = tf.cast(inputs[0], tf.float32)[..., None], tf.constant(op.get_attr("boundaries"))
    return replay.with_soft(again(op, inputs), tf.reduce_sum(tf.sigmoid((x - bounds) / width(x - bounds)), -1))


def looked_up(replay, op, inputs):
    """A table at an index: the slope of the table there."""
    table, index, axis = inputs
    side = replay.softened(index)
    if side is None or not replay.depends(index) or not table.dtype.is_floating or tf.get_static_value(axis) != 0:
        return None
    last = tf.cast(tf.shape(table)[0] - 1, index.dtype)
    near = lambda by: tf.gather(table, tf.clip_by_value(index + by, 0, last))  # noqa: E731
    slope = tf.stop_gradient(near(1) - near(-1)) / 2
    side = _with_axes(side, slope)
    exact = again(op, inputs)[0]
    return [through(exact, exact + tf.cast(side - tf.stop_gradient(side), exact.dtype) * slope)]


def foreign(replay, op, inputs):
    """A function in Python: the identity, as the defenses that are written so return an image like the one they get."""
    floats = [part for part in inputs if part.dtype.is_floating and replay.depends(part)]
    exact = again(op, inputs)
    if len(floats) != 1 or len(exact) != 1 or exact[0].dtype != floats[0].dtype:
        return None
    return [through(tf.ensure_shape(exact[0], floats[0].shape), floats[0])]


def arithmetic(replay, op, inputs):
    """On ints as `moved`; uniform noise becomes uniform in another interval."""
    ends = replay.notes.get(("uniform", inputs[0].ref()))
    if ends is None or op.type == "Sum" or replay.depends(inputs[1]):
        return moved(replay, op, inputs)
    exact = again(op, inputs)
    low, apart = ends
    product = op.type == "Mul"
    low, apart = (low * inputs[1], apart * inputs[1]) if product else (low + inputs[1], apart)
    replay.notes["uniform", exact[0].ref()] = low, apart
    return exact


def moved(replay, op, inputs):
    """What takes the place of bools and ints goes where they go; so does a hash."""
    if any(("hashed", part.ref()) in replay.notes for part in inputs):
        return noise_free.hashed(replay, op, inputs)
    if not any(part.ref() in replay.soft for part in inputs) or "T" not in op.node_def.attr:
        return None
    kind, exact = op.get_attr("T"), again(op, inputs)
    if kind.is_floating:
        return None
    sides = [_as_floats(replay, part) if of_kind else part for part, of_kind in zip(inputs, _typed(op), strict=True)]
    for output, side in zip(exact, again(op, sides, {"T": tf.float32}), strict=True):
        replay.soft[output.ref()] = side
    return exact


def leaking(replay, op, inputs):
    """A part that saturates keeps a little slope where it is flat."""
    if not (replay.depends(inputs[0]) and inputs[0].dtype.is_floating):
        return moved(replay, op, inputs)
    exact = again(op, inputs)[0]
    return [through(exact, exact + LEAK * (inputs[0] - tf.stop_gradient(inputs[0])))]


def bounded(replay, op, inputs):
    """tanh and sigmoid: as if their inputs were no larger than 1 on average."""
    if not replay.depends(inputs[0]):
        return None
    flatter = {"Tanh": tf.tanh, "Sigmoid": tf.sigmoid}[op.type](inputs[0] / tf.maximum(width(inputs[0]), 1.0))
    return [through(again(op, inputs)[0], flatter)]


def _typed(op):
    """Which inputs have the type that the attribute T names; axes and shapes have their own."""
    counts = [op.get_attr(arg.number_attr) if arg.number_attr else 1 for arg in op.op_def.input_arg]
    return [arg.type_attr == "T" for arg, n in zip(op.op_def.input_arg, counts, strict=True) for _ in range(n)]


def _as_floats(replay, tensor):
    """What takes the place of a tensor, or its values as floats."""
    side = replay.softened(tensor)
    return tf.cast(tensor, tf.float32) if side is None else side


def _with_axes(p, like):
    """p with as many axes of length 1 at its end as the other tensor has more."""
    return tf.reshape(p, tf.concat([tf.shape(p), tf.ones([tf.rank(like) - tf.rank(p)], tf.int32)], 0))


HARD = (
    dict.fromkeys(("Round", "Rint", "Floor", "Ceil"), straight)
    | dict.fromkeys(("StopGradient", "PreventGradient", "IdentityN"), passed)
    | dict.fromkeys(("Greater", "GreaterEqual", "Less", "LessEqual"), step)
    | dict.fromkeys(("Equal", "NotEqual"), equal)
    | dict.fromkeys(("LogicalAnd", "LogicalOr", "LogicalNot"), logical)
    | dict.fromkeys(("ArgMax", "ArgMin"), arg_max)
    | dict.fromkeys(("PyFunc", "PyFuncStateless", "EagerPyFunc"), foreign)
    | {"Sign": sign, "OneHot": one_hot, "Bucketize": bucket, "Bitcast": noise_free.bits}
)
SMOOTH = (
    dict.fromkeys(MOVING, moved)
    | dict.fromkeys(("Select", "SelectV2"), choice)
    | dict.fromkeys(("Any", "All"), any_or_all)
    | dict.fromkeys(("AddV2", "Add", "Mul", "Sum"), arithmetic)
    | {"Cast": cast, "GatherV2": looked_up, "Sqrt": root}
    | HARD
    | FLOW
    | noise_free.RANDOM
    | noise_free.HASHING
)
LEAKY = (
    SMOOTH
    | dict.fromkeys(("Relu", "Relu6", "ClipByValue", "Minimum", "Maximum", "Softmax"), leaking)
    | dict.fromkeys(("Tanh", "Sigmoid"), bounded)
)
