"""A model as TensorFlow computes it, operation by operation, done again with some operations changed.

Keras knows the layers of a model, but not what a custom layer or a subclassed model does in its `call`. TensorFlow
does: traced, any model is a list of operations. Here they are done again one after another, some of them changed: so
rounding gets a slope, noise is left out, or another tensor than the last one is the result. The weights are the
model's own.
"""

import dataclasses
import weakref

import tensorflow as tf

from tfadv.errors import UnreadableModel, reason
from tfadv.graph.inference import inference_model

# What they say of an image is its shape: a tensor made of it does not depend on pixels.
SHAPES = ("Shape", "ShapeN", "Size", "Rank", "ZerosLike", "OnesLike")
CALLS = ("PartitionedCall", "StatefulPartitionedCall")
LOOPS = ("While", "StatelessWhile")
# Of each model, traced for images of a shape.
TRACED = weakref.WeakKeyDictionary()


@dataclasses.dataclass(frozen=True)
class Place:
    """A tensor of a traced model that depends on the images.

    Attributes:
        number: its place in the order of computation, from 1.
        name, kind: of the operation that makes it, and what that does, `"MatMul"`.
        sources: the numbers of the tensors that it is made of; the images are 0.
        shape: without the images', (10,) of logits; None where it is not known or the tensor is not made of floats.
    """

    number: int
    name: str
    kind: str
    sources: tuple[int, ...]
    shape: tuple[int | None, ...] | None


def traced(model, image):
    """The model as a function of images (n, h, w, c) to float32 logits, traced once for images of this shape.

    Raises:
        UnreadableModel: if its layers cannot be traced.
    """
    known = TRACED.setdefault(model, {})
    key = (tuple(image), len(model.variables))
    if key not in known:
        held = weakref.ref(model)  # what is traced does not keep it alive

        def run(x):
            asked = inference_model(held())
            try:
                return tf.cast(asked(x, training=False), tf.float32)
            except Exception as error:  # whatever layers of a user raise
                raise UnreadableModel(f"the model cannot be traced: {reason(error)}") from error

        specs = tf.TensorSpec([None, *image], tf.float32)
        known[key] = tf.function(run, autograph=False).get_concrete_function(specs)
    return known[key]


class Replay:
    """One more pass through a traced model; used once, within a `tf.function`.

    Args:
        rules: type of an operation -> function (replay, operation, inputs) to its outputs, or to None where it is done
            as it was. Inputs and outputs are the tensors of this pass.
        see: called with the `Place` and the tensor, for every tensor that depends on the images; what it returns takes
            the tensor's place, unless it is None.

    Attributes:
        soft: tensors of this pass that are no floats, by their `ref()` -> a float tensor with a gradient in their
            place, such as the probability that a comparison holds.
        notes: what rules tell each other of tensors, by a word and the `ref()`.
        done: the operations so far, those within loops and branches too, and whether they depend on the images.
    """

    def __init__(self, rules, see=lambda place, tensor: None):
        self.rules, self.see = rules, see
        self.soft, self.notes, self.numbers, self.count = {}, {}, {}, 0
        self.done, self.nested = [], False

    def outputs(self, function, *inputs):
        """The outputs of a traced function for these inputs, in this pass."""
        given = {inside.ref(): tensor for inside, tensor in zip(function.inputs, inputs, strict=False)}
        given |= {inside.ref(): outside for outside, inside in function.graph.captures}
        self.numbers |= {tensor.ref(): 0 for tensor in inputs}
        return self._through(function.graph, given, function.outputs)

    def body(self, op, attribute, inputs, moved=()):
        """The outputs of a function that an operation holds: a call's, a branch of a `cond`, a step of a loop.

        Args:
            attribute: the one that holds it, `"then_branch"`, or the `NameAttrList` itself.
            inputs: of the function, in this pass.
            moved: those of them that depend on the images, though they come from outside of this pass.
        """
        graph = function_of(op, attribute).graph
        given = {inside.ref(): outside for inside, outside in zip(graph.inputs, inputs, strict=True)}
        self.numbers |= {tensor.ref(): 0 for tensor in moved}
        return self._through(graph, given, graph.outputs)

    def within(self):
        """This pass inside a loop or a branch, whose tensors have no numbers, as nothing outside can use them."""
        inner = Replay(self.rules)
        inner.soft, inner.notes, inner.numbers = dict(self.soft), dict(self.notes), dict(self.numbers)
        inner.done, inner.nested = self.done, True
        return inner

    def depends(self, *tensors):
        """Whether one of the tensors depends on the images."""
        return any(tensor.ref() in self.numbers for tensor in tensors)

    def softened(self, tensor):
        """The float tensor in the place of one, with a gradient; the tensor itself if it is made of floats."""
        return tensor if tensor.dtype.is_floating else self.soft.get(tensor.ref())

    def with_soft(self, exact, side):
        """The outputs `exact` of an operation, the first of which another tensor takes the place of."""
        self.soft[exact[0].ref()] = tf.cast(side, tf.float32)
        return exact

    def _through(self, graph, values, outputs):
        for op in graph.get_operations():
            if op.type == "Placeholder" or not op.outputs:  # checks, and states that change: seeds, statistics
                continue
            inputs = [values[tensor.ref()] for tensor in op.inputs]
            for old, new in zip(op.outputs, self._done(op, inputs), strict=True):
                values[old.ref()] = new
        return [values[tensor.ref()] for tensor in outputs]

    def _done(self, op, inputs):
        """The outputs of one operation."""
        if op.type in CALLS:
            return self.body(op, "f", inputs)
        rule, depends = self.rules.get(op.type), self.depends(*inputs)
        self.done.append((op, depends))
        found = rule and rule(self, op, inputs)
        found = found or again(op, inputs)
        if not depends or op.type in SHAPES:
            return found
        sources = tuple(sorted({self.numbers[part.ref()] for part in inputs if part.ref() in self.numbers}))
        # A loop hands on what it does not change: weights, and what they are multiplied with.
        kept = {part.ref() for part in inputs} if op.type in LOOPS else ()
        return [tensor if tensor.ref() in kept else self._seen(op, sources, tensor) for tensor in found]

    def _seen(self, op, sources, tensor):
        if self.nested:
            self.numbers[tensor.ref()] = 0
            return tensor
        self.count += 1
        known = tensor.dtype.is_floating and tensor.shape.rank
        shape = tuple(tensor.shape[1:]) if known else None
        place = Place(self.count, op.name, op.type, sources, shape)
        other = self.see(place, tensor)
        tensor = tensor if other is None else other
        # An operation that hands on its input has a number of its own.
        self.numbers[tensor.ref()] = self.count
        return tensor


def through(exact, smooth):
    """`exact`, with the gradient of `smooth`."""
    return smooth + tf.stop_gradient(exact - smooth)


def again(op, inputs, kinds=None):
    """The outputs of an operation for other inputs.

    Args:
        kinds: names of attributes -> types that take the place of the ones it had.

    Raises:
        UnreadableModel: if TensorFlow does not make the operation again.
    """
    graph = tf.compat.v1.get_default_graph()
    attributes = {name: value for name, value in op.node_def.attr.items() if not name.startswith("_")}
    for value in attributes.values():
        if value.HasField("func"):
            graph._add_function_recursive(function_of(op, value.func))
    types = [tensor.dtype for tensor in op.outputs]
    for name, kind in (kinds or {}).items():
        attributes[name] = tf.compat.v1.AttrValue(type=kind.as_datatype_enum)
        types = [kind] * len(types)
    try:
        return list(graph.create_op(op.type, inputs, types, attrs=attributes, op_def=op.op_def).outputs)
    except (ValueError, TypeError, tf.errors.OpError) as error:  # shapes that do not fit any more
        raise UnreadableModel(f"{op.name} ({op.type}) cannot be done again: {reason(error)}") from error


def function_of(op, attribute):
    """The function that an operation holds, by the name of its attribute or by the `NameAttrList` in it.

    Raises:
        UnreadableModel: if its graph does not know it.
    """
    held = op.get_attr(attribute) if isinstance(attribute, str) else attribute
    function = op.graph._get_function(held.name)
    if function is None or not hasattr(function, "graph"):
        raise UnreadableModel(f"{op.name} ({op.type}) calls {held.name}, which the traced model does not hold")
    return function
