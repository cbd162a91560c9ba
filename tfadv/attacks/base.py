"""What every attack is: hyper-parameters and a loop. The base class checks, compiles, batches, projects."""

import abc
import dataclasses
import numbers
import typing
import weakref

import numpy as np
import tensorflow as tf

from tfadv import boundary, gradients, random, spec
from tfadv.attacks import meter
from tfadv.attacks.first_convolution import quickened
from tfadv.attacks.problem import Problem
from tfadv.background import Outcome
from tfadv.compilation import xla_pays
from tfadv.errors import invalid
from tfadv.threat import NORMS, ThreatModel, finite_or

# What is compiled for a model goes when the model goes.
COMPILED, PROBES = weakref.WeakKeyDictionary(), weakref.WeakKeyDictionary()
# Batches of so many images or more are attacked in halves. What is random depends on it, so it is the same on every
# machine.
WORTH_HALVING = 64


class Passes(typing.NamedTuple):
    """How many forward and backward passes one image costs at most; a gradient is one of each."""

    forward: int
    backward: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Attack(abc.ABC):
    """An attack. Subclasses are frozen dataclasses of hyper-parameters that write `perturb`.

    An option `early_stop`, where there is one, ends the attack on an image as soon as it is misclassified.

    >>> from tfadv import LInf, PGD
    >>> x_adv = PGD(steps=40)(model, x, y, threat=LInf(8 / 255))  # doctest: +SKIP
    """

    # Whether it works on rows (n, d) as on images; with 3 channels `tf.where` is seven times faster on rows
    # (`benchmarks/choices.py`, on CPU).
    flat: typing.ClassVar[bool] = False
    # Whether the loop has static shapes, which XLA needs.
    static: typing.ClassVar[bool] = True
    # The norms of the threat models under which it works.
    norms: typing.ClassVar[tuple[str, ...]] = tuple(NORMS)
    # What spec strings call it: the class, in lower case, unless it says otherwise.
    name: typing.ClassVar[str]
    # Whether it needs nothing but logits, or nothing but predictions.
    black_box: typing.ClassVar[bool] = False
    # Whether it consists of several attacks, its `members`.
    ensemble: typing.ClassVar[bool] = False
    # Whether the seed matters.
    seeded: typing.ClassVar[bool] = False

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        if "name" not in cls.__dict__:
            cls.name = cls.__name__.lower()

    def __call__(self, model, x, y, *, threat, targets=None, seed=0, batch_size=500):
        """Craft adversarial images; the result always lies inside the ball and inside [0, 1].

        Args:
            model: a `keras.Model` that maps images to logits.
            x: images, (n, h, w, c), floats in [0, 1].
            y: true labels, (n,) integers. Those that the model gets wrong already are attacked too.
            threat: a `ThreatModel`, e.g. `LInf(8/255)`.
            targets: labels to reach, (n,) integers; None for an untargeted attack.
            seed: a whole number; the same seed (and batch size) gives the same bits.
            batch_size: images crafted at a time; memory grows with it, not with n.

        Returns:
            x_adv, (n, h, w, c) float32 array.

        Raises:
            TfadvError: for input that `tfadv.boundary` refuses, and for a norm that the attack does not know.
        """
        if not isinstance(threat, ThreatModel):
            raise invalid("threat", "a threat model", repr(threat), "write e.g. threat=LInf(8/255).")
        self.check_norm(threat.norm)

        def graph(problem, eps, seed):
            return self.guarantee(problem, type(threat)(eps), seed)

        return self._run(graph, model, x, y, targets, seed, batch_size, key=type(threat), eps=threat.eps)

    def craft(self, logits_fn, x, y, *, threat, seed, targets=None):
        """The same as graph code without checks, for trainers: tensors in, a tensor out."""
        self.check_norm(threat.norm)
        targets = None if targets is None else tf.cast(targets, tf.int32)
        return self.guarantee(Problem(logits_fn, x, tf.cast(y, tf.int32), targets), threat, seed)

    def guarantee(self, problem, threat, seed):
        """What `perturb` finds, made finite and put into ball and box."""
        return self._solved(problem, lambda here: self.perturb(here, threat, seed), threat.project)

    def _solved(self, problem, find, project=lambda x_adv, x: x_adv):
        """What `find` finds, made finite and projected; the attack works on rows if it can."""
        here = problem.flattened() if self.flat else problem
        found = project(finite_or(here.x, find(here)), here.x)
        return tf.stop_gradient(tf.reshape(found, tf.shape(problem.x)))

    @abc.abstractmethod
    def perturb(self, problem, threat, seed):
        """The attack's loop: a `Problem`, a threat model and a stateless seed to images like problem.x."""

    @abc.abstractmethod
    def cost(self, classes):
        """The `Passes` that one image costs at most, with a model of so many classes."""

    def view(self, model):
        """The function from images to logits that is attacked: the model itself, unless an attack knows better."""
        return gradients.logits_of(quickened(model))

    def members(self, classes, norm):
        """The attacks that this one consists of, with so many classes in this norm; itself, if it is no ensemble."""
        return (self,)

    def until_fooled(self):
        """The same attack for judging: it wastes nothing on images that are misclassified already."""
        known = {option.name for option in dataclasses.fields(self)}
        return dataclasses.replace(self, early_stop=True) if "early_stop" in known else self

    def _run(self, graph, model, x, y, targets, seed, batch_size, key, eps=0.0):
        """Check, compile `graph(problem, eps, seed)` once per model, and go through the batches."""
        x = boundary.images(x)
        if isinstance(seed, bool) or not isinstance(seed, numbers.Integral):
            raise invalid("seed", "a whole number", repr(seed))
        if isinstance(batch_size, bool) or not isinstance(batch_size, numbers.Integral) or batch_size < 1:
            raise invalid("batch_size", "a whole number of at least 1", repr(batch_size))
        # At every call: since the last one training may have made the weights NaN, and then x would come back
        # as it is.
        classes = _check_classifier(model, x)
        compiled = COMPILED.setdefault(model, {})
        key = (self, key, targets is not None, x.shape[1:])
        if key not in compiled:
            xla = self.static and xla_pays(model)
            compiled[key] = Compiled(graph, self.view, model, x.shape[1:], targets is not None, xla)
        arrays = [x, boundary.labels(y, len(x), classes)]
        if targets is not None:
            arrays.append(boundary.labels(targets, len(x), classes, "targets"))
        return compiled[key].run(arrays, tf.cast(eps, tf.float32), random.key(seed), batch_size)

    def check_norm(self, norm):
        """Raises TfadvError for a norm that the attack does not know."""
        if norm not in self.norms:
            raise invalid(f"{self.name}: norm", f"one of {', '.join(self.norms)}", repr(norm))

    def __str__(self):
        return spec.write(self.name, self._given())

    def __repr__(self):
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self._given().items())})"

    def _given(self):
        """The options that say what is run: those that are not the default, and those marked SHOWN."""
        values = {f.name: (getattr(self, f.name), f) for f in dataclasses.fields(self)}
        return {name: v for name, (v, f) in values.items() if v != f.default or f.metadata.get("shown")}


class MinimumNormAttack(Attack):
    """Looks for the smallest perturbation; a threat model only says how much of it may be used.

    Subclasses write `search`.
    """

    # What it finds where the classifier is linear: the "nearest" boundary, one that is "near", or a point "beyond" it,
    # as it asks for more than another prediction.
    finds: typing.ClassVar[str] = "nearest"

    def minimal(self, model, x, y, *, norm="l2", targets=None, seed=0, batch_size=500):
        """The nearest misclassified points found, wherever they lie; x where it is misclassified already.

        Unlike a call with a threat model, nothing is projected: whether the box is kept is the attack's own
        option, as in the papers that measure these distances.

        Args:
            norm: the norm to minimise, `"l2"` or `"linf"`; the other arguments are those of a call.

        Returns:
            x_adv, (n, h, w, c) float32 array.
        """

        self.check_norm(norm)

        def graph(problem, eps, seed):
            return self._solved(problem, lambda here: self.search(here, norm, seed))

        return self._run(graph, model, x, y, targets, seed, batch_size, key=norm)

    def perturb(self, problem, threat, seed):
        return self.search(problem, threat.norm, seed)

    @abc.abstractmethod
    def search(self, problem, norm, seed):
        """The attack's loop: a `Problem`, a norm's name and a stateless seed to images like problem.x."""


class Compiled:
    """An attack compiled for a model: with a free batch size, and under XLA for full batches where that pays.

    XLA compiles anew for every shape, so batches that are not full take the plain graph. The model is held
    weakly: what is compiled for it goes when it goes.
    """

    def __init__(self, graph, view, model, image_shape, targeted, xla):
        self.graph, self.view, self.model, self.xla = graph, view, weakref.ref(model), xla
        self.image, self.labels = image_shape, 2 if targeted else 1
        self.traces = {}
        meter.counts()

    def run(self, arrays, eps, seed, batch_size):
        """Attack all batches, two halves at a time: (n, h, w, c).

        What one core has to do by itself for the one half, the other does for the other. Under XLA, which locks the
        variables that count passes, halves would wait for each other.
        """
        starts = range(0, len(arrays[0]), batch_size)
        batches = [[array[start : start + batch_size] for array in arrays] for start in starts]
        todo = []
        for part in batches if self.xla else [half for batch in batches for half in halves(batch)]:
            attack = self._traced(batch_size if self.xla and len(part[0]) == batch_size else None)
            todo.append((len(todo), attack, part))
        found, shared = [None] * len(todo), iter(todo)

        def work():
            for k, attack, part in shared:  # each part comes to one of the workers
                found[k] = attack(seed, tf.constant(k), eps, *map(tf.constant, part)).numpy()

        workers = [Outcome(work) for _ in range(1 if self.xla else 2)]
        try:
            for worker in workers:
                worker.result()
        finally:
            todo.clear()  # where one has failed, or nobody waits any more, the rest is left alone
        return np.concatenate(found)

    def _traced(self, size):
        if size not in self.traces:
            self.traces[size] = self._trace(size)
        return self.traces[size]

    def _trace(self, size):
        def run(seed, number, eps, x, *labels):
            problem = Problem(meter.counted(self.view(self.model())), x, *labels)
            return self.graph(problem, eps, random.key(seed, number))

        signature = [tf.TensorSpec([2], tf.int32), tf.TensorSpec([], tf.int32), tf.TensorSpec([], tf.float32)]
        signature += [tf.TensorSpec([size, *self.image], tf.float32)] + [tf.TensorSpec([size], tf.int32)] * self.labels
        return tf.function(run, autograph=False, jit_compile=size is not None).get_concrete_function(*signature)


def halves(batch):
    """A batch of arrays as the batches that are attacked at the same time.

    >>> [len(x) for [x] in halves([np.zeros(64)])]
    [32, 32]
    """
    middle = -(-len(batch[0]) // 2)
    if len(batch[0]) < WORTH_HALVING:
        return [batch]
    return [[array[:middle] for array in batch], [array[middle:] for array in batch]]


def _check_classifier(model, x):
    """`boundary.classifier`; after the first time by a compiled forward pass, as an eager one costs several steps."""
    probes = PROBES.setdefault(model, {})
    image = x.shape[1:]
    classes = boundary.classifier(model, x, probes.get(image))
    if image not in probes:
        held = weakref.ref(model)
        forward = tf.function(lambda x: gradients.logits_of(held())(x), autograph=False)
        probes[image] = forward.get_concrete_function(tf.TensorSpec([None, *image], tf.float32))
    return classes
