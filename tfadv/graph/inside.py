"""What a traced model holds: hard operations, networks inside the network, images that it makes of the image."""

import dataclasses
from collections.abc import Callable, Iterable

import keras
import tensorflow as tf

from tfadv import validation
from tfadv.errors import UnreadableModel, invalid, reason
from tfadv.graph.flow import FLOW
from tfadv.graph.noise_free import RANDOM
from tfadv.graph.replay import Place, Replay, traced
from tfadv.graph.smooth import HARD, LEAKY, SMOOTH

# Through these logits reach the output as they are, up to constants and sums.
LINEAR = (
    "Identity", "Cast", "BiasAdd", "AddV2", "Add", "Sub", "AddN", "Neg", "Mul", "RealDiv", "Reshape", "Squeeze", "Pack",
    "ExpandDims", "ConcatV2", "Transpose", "StridedSlice", "Mean", "Sum", "LogSoftmax", "IdentityN",
)  # fmt: skip
# And through these an image stays an image.
POINTWISE = (
    "Identity", "IdentityN", "Cast", "BiasAdd", "AddV2", "Add", "Sub", "Mul", "RealDiv", "Reshape", "ClipByValue",
    "Minimum", "Maximum", "Squeeze", "ExpandDims", "ConcatV2", "Pad", "StridedSlice", "StopGradient",
)  # fmt: skip
# Finishing touches of logits: what comes before is no network of its own.
ADDED = ("BiasAdd", "AddV2", "Add", "Sub", "Identity", "Cast")
# More columns beside each other than that are no members of an ensemble.
MEMBERS = 64

Shape = tuple[int, int, int]


@dataclasses.dataclass(frozen=True)
class Contents:
    """What the operations of a model are, apart from its weights.

    Attributes:
        hard: names of operations on the way from image to logits that have no gradient, or another than their own.
        random: names of operations that draw random numbers.
        networks: `Place`s whose tensors have as many columns as there are classes, and do not reach the output as
            sums do.
        images: `Place`s whose tensors have the shape of the images and are more than a rescaled image.
        places: all `Place`s by their numbers.
    """

    hard: tuple[str, ...]
    random: tuple[str, ...]
    networks: tuple[Place, ...]
    images: tuple[Place, ...]
    places: dict[int, Place] = dataclasses.field(default_factory=dict, repr=False)

    def leads_to(self, number: int, other: int) -> bool:
        """Whether a tensor is made of another one."""
        seen, left = set(), [other]
        while left:
            at = left.pop()
            if at > number and at not in seen:
                seen.add(at)
                left += self.places[at].sources
            elif at == number:
                return True
        return False


def contents(model: keras.Model, image: Shape, classes: int) -> Contents:
    """The `Contents` of a model for images of a shape (h, w, c).

    >>> import keras
    >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(10)])
    >>> contents(model, (8, 8, 1), 10)
    Contents(hard=(), random=(), networks=(), images=())
    """
    places, function, found = {}, traced(model, image), []

    @tf.function(input_signature=[tf.TensorSpec([None, *image])], autograph=False)
    def look(x):
        replay = Replay(FLOW, lambda place, tensor: places.update({place.number: place}))
        last = replay.numbers.get(replay.outputs(function, x)[0].ref(), 0)
        found.append((last, replay.done))

    look.get_concrete_function()
    [(last, done)] = found
    return Contents(
        hard=_names(op for op, depends in done if depends and op.type in HARD),
        random=_names(op for op, _ in done if op.type in RANDOM),
        networks=_networks(places, classes, last),
        images=_images(places, tuple(image)),
        places=places,
    )


def tensors(model: keras.Model, image: Shape, numbers: tuple[int, ...]) -> Callable[[tf.Tensor], list[tf.Tensor]]:
    """A compiled function: images to the tensors with these numbers and, last, the logits; random parts left out."""
    function = traced(model, image)

    @tf.function(input_signature=[tf.TensorSpec([None, *image])], autograph=False)
    def run(x):
        found = {}
        see = lambda place, tensor: found.update({place.number: tensor}) if place.number in numbers else None  # noqa: E731
        logits = Replay(SMOOTH, see).outputs(function, x)[0]
        return [*(found[number] for number in numbers), logits]

    compiled = run.get_concrete_function()
    return lambda x: _answer(compiled, tf.constant(x))


def twin(
    model: keras.Model, ends: tuple[int, ...] = (), skip: int | None = None, leaky: bool = False
) -> Callable[[tf.Tensor], tf.Tensor]:
    """The same classifier made smooth, as a function of images (n, h, w, c) to float32 logits (n, classes).

    Args:
        ends: numbers of the tensors that are logits of networks inside; their mean log-softmax is returned. None of
            them: the logits of the whole, which are, but for noise, its own.
        skip: the number of a tensor that has the gradient of the images themselves, as that of purified images.
        leaky: whether parts that saturate keep a slope too.

    Raises:
        TfadvError: when it is called, for numbers of other tensors or of none, with those that there are.
    """
    rules, compiled = LEAKY if leaky else SMOOTH, {}

    @tf.function(autograph=False)
    def run(x):
        found, skipped = {}, []

        def see(place, tensor):
            if place.number in ends:
                found[place.number] = tensor
            if place.number == skip and tensor.shape[1:].num_elements() in (None, x.shape[1:].num_elements()):
                skipped.append(tensor)
                image = tf.reshape(x, tf.shape(tensor))
                return image + tf.stop_gradient(tensor - image)
            return None

        logits = Replay(rules, see).outputs(traced(model, x.shape[1:]), x)[0]
        if skip is not None and not skipped:
            raise _no_such("skip", "images made of the image", skip, _contents_like(model, x, logits).images)
        for number in ends:
            if number not in found or not _may_be_logits(found[number].shape, model, logits):
                raise _no_such("networks", "networks inside", number, _contents_like(model, x, logits).networks)
        return jointly(found.values()) if ends else logits

    def logits_fn(x):
        image = tuple(x.shape[1:])
        if image not in compiled:
            with tf.init_scope():
                compiled[image] = run.get_concrete_function(tf.TensorSpec([None, *image], tf.float32))
        return compiled[image](x)

    return logits_fn


def _may_be_logits(shape, model, logits):
    """Of one network or of several, which know of no rejection; shapes may be unknown in part."""
    columns = logits.shape[-1]
    known = (None,) if columns is None else (None, columns, columns - validation.rejects(model))
    return shape.rank is None or (shape.rank in (2, 3) and (columns is None or shape[-1] in known))


def _contents_like(model, x, logits):
    with tf.init_scope():  # not within the twin
        return contents(model, tuple(x.shape[1:]), logits.shape[-1])


def _no_such(option, what, number, places):
    """The error for a number that is none of these `Place`s."""
    if not places:
        return invalid(f"twin: {option}", f"nothing, as the model has no {what}", number, "leave it out.")
    known = ", ".join(f"{place.number} ({place.name})" for place in places)
    return invalid(f"twin: {option}", f"numbers of {what} ({known})", number)


def _answer(compiled, x):
    try:
        return compiled(x)
    except tf.errors.OpError as error:  # operations of the model, on images
        raise UnreadableModel(f"the parts of the model do not compute: {reason(error)}") from error


def _names(operations):
    """Each once: steps of a loop are read again where TensorFlow asks for it."""
    return tuple(dict.fromkeys(op.name for op in operations))


def jointly(logits: Iterable[tf.Tensor]) -> tf.Tensor:
    """The mean log-softmax of several logits, (n, classes) each or (n, members, classes): (n, classes)."""
    shares = [tf.nn.log_softmax(tf.cast(z, tf.float32)) for z in logits]
    return tf.add_n([z if z.shape.rank == 2 else tf.reduce_mean(z, axis=1) for z in shares]) / len(shares)


def _networks(places, classes, last):
    """Those with a column a class that are not the output's own logits, nor logits without their bias."""
    tail, left = set(), [last]
    while left:
        number = left.pop()
        if number and number not in tail:
            tail.add(number)
            left += places[number].sources if places[number].kind in LINEAR else ()
    wide = {place.number for place in places.values() if _has_columns(place, classes)} - tail
    finished = {s for n in wide for s in places[n].sources if places[n].kind in ADDED and len(places[n].sources) == 1}
    return tuple(places[number] for number in sorted(wide - finished))


def _has_columns(place, classes):
    shape = place.shape
    if shape is None or not 1 <= len(shape) <= 2 or shape[-1] != classes:
        return False
    return len(shape) == 1 or (shape[0] is not None and 1 < shape[0] <= MEMBERS)


def _images(places, image):
    same = {0}
    for place in places.values():
        if place.kind in POINTWISE and {*place.sources} <= same:
            same.add(place.number)
    return tuple(place for place in places.values() if place.shape == image and place.number not in same)
