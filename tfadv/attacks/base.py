"""What every attack is: hyper-parameters and a loop. The base class checks, compiles, batches, projects."""

import abc
import dataclasses
import math
import numbers
import types
import typing
import weakref

import numpy as np
import tensorflow as tf

from tfadv import boundary, gradients, losses, random, spec
from tfadv.compilation import xla_pays
from tfadv.errors import invalid
from tfadv.threat import NORMS, ThreatModel, finite_or

# An option that a spec string names even at its default: nobody should have to look up what "pgd" was.
SHOWN = types.MappingProxyType({"shown": True})
# What is compiled for a model goes when the model goes.
COMPILED, PROBES = weakref.WeakKeyDictionary(), weakref.WeakKeyDictionary()


@dataclasses.dataclass(frozen=True)
class Problem:
    """What an attack works on: the classifier, the images, and when it has won. All of it is graph code.

    Attributes:
        logits_fn: images to float32 logits.
        x: clean images, (n, h, w, c) in [0, 1].
        labels: true labels, (n,) int32.
        targets: labels the attacker wants, (n,) int32, or None for any wrong one.
    """

    logits_fn: object
    x: tf.Tensor
    labels: tf.Tensor
    targets: tf.Tensor | None = None

    def reached(self, logits):
        """Where the attacker has won: (n,) bool."""
        predicted = tf.argmax(logits, axis=-1, output_type=tf.int32)
        return predicted != self.labels if self.targets is None else predicted == self.targets

    def only(self, alive):
        """The same problem for the examples with the indices `alive`, (m,) int32."""
        targets = None if self.targets is None else tf.gather(self.targets, alive)
        return Problem(self.logits_fn, tf.gather(self.x, alive), tf.gather(self.labels, alive), targets)

    def loss(self, name, logits):
        """What the attacker maximises: (n,). The sign of targeted attacks turns here and nowhere else."""
        if self.targets is None:
            return losses.LOSSES[name](self.labels, logits)
        if name == "dlr":
            return losses.dlr_targeted(self.labels, logits, self.targets)
        return -losses.LOSSES[name](self.targets, logits)

    def ascend(self, name, x_adv):
        """Logits, losses and the gradient that raises each loss."""
        return gradients.logits_and_gradient(self.logits_fn, x_adv, lambda logits: self.loss(name, logits))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Attack(abc.ABC):
    """An attack. Subclasses are frozen dataclasses of hyper-parameters that write `perturb`.

    >>> from tfadv import LInf, PGD
    >>> x_adv = PGD(steps=40)(model, x, y, threat=LInf(8 / 255))  # doctest: +SKIP
    """

    # Whether the loop has static shapes, which XLA needs.
    static: typing.ClassVar[bool] = True
    # The norms of the threat models under which it works.
    norms: typing.ClassVar[tuple[str, ...]] = tuple(NORMS)

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
        x_adv = finite_or(problem.x, self.perturb(problem, threat, seed))
        return tf.stop_gradient(threat.project(x_adv, problem.x))

    @abc.abstractmethod
    def perturb(self, problem, threat, seed):
        """The attack's loop: a `Problem`, a threat model and a stateless seed to images like problem.x."""

    @abc.abstractmethod
    def cost(self, classes):
        """The backward passes that one image costs at most, with a model of so many classes."""

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
            compiled[key] = Compiled(graph, model, x.shape[1:], targets is not None, self.static and xla_pays(model))
        run = compiled[key]
        arrays = [x, boundary.labels(y, len(x), classes)]
        if targets is not None:
            arrays.append(boundary.labels(targets, len(x), classes, "targets"))
        eps, parts, seed = tf.cast(eps, tf.float32), [], random.key(seed)
        for k, start in enumerate(range(0, len(x), batch_size)):
            batch = [tf.constant(a[start : start + batch_size]) for a in arrays]
            parts.append(run(len(batch[0]) == batch_size, seed, k, eps, *batch).numpy())
        return np.concatenate(parts)

    def check_norm(self, norm):
        """Raises TfadvError for a norm that the attack does not know."""
        if norm not in self.norms:
            raise invalid(f"{_name(self)}: norm", f"one of {', '.join(self.norms)}", repr(norm))

    def __str__(self):
        return spec.write(_name(self), self._given())

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
            return tf.stop_gradient(finite_or(problem.x, self.search(problem, norm, seed)))

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

    def __init__(self, graph, model, image_shape, targeted, xla):
        self.graph, self.model, self.xla = graph, weakref.ref(model), xla
        self.image, self.labels = image_shape, 2 if targeted else 1
        self.traces = {}

    def __call__(self, is_full, seed, number, eps, x, *labels):
        size = len(x) if self.xla and is_full else None
        if size not in self.traces:
            self.traces[size] = self._trace(size)
        return self.traces[size](seed, tf.constant(number), eps, x, *labels)

    def _trace(self, size):
        def run(seed, number, eps, x, *labels):
            problem = Problem(gradients.logits_of(self.model()), x, *labels)
            return self.graph(problem, eps, random.key(seed, number))

        signature = [tf.TensorSpec([2], tf.int32), tf.TensorSpec([], tf.int32), tf.TensorSpec([], tf.float32)]
        signature += [tf.TensorSpec([size, *self.image], tf.float32)] + [tf.TensorSpec([size], tf.int32)] * self.labels
        return tf.function(run, autograph=False, jit_compile=size is not None).get_concrete_function(*signature)


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


def check_whole(attack, *names, least=1):
    """Refuse hyper-parameters that are not whole numbers of at least `least`; NumPy's become Python's.

    Raises:
        TfadvError: naming the attack, the option and the value. So do the checks below.
    """
    for name in names:
        value = getattr(attack, name)
        if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < least:
            raise invalid(f"{_name(attack)}: {name}", f"a whole number of at least {least}", repr(value))
        object.__setattr__(attack, name, int(value))


def check_number(attack, *names, above_zero=False):
    """Refuse what is not a finite number of at least 0, or above 0; the others become Python floats."""
    for name in names:
        value = getattr(attack, name)
        right = isinstance(value, numbers.Real) and not isinstance(value, bool) and math.isfinite(value)
        if not right or value < 0 or (above_zero and value == 0):
            wanted = "a number above 0" if above_zero else "a number of at least 0"
            raise invalid(f"{_name(attack)}: {name}", wanted, repr(value))
        object.__setattr__(attack, name, float(value))


def check_flag(attack, *names):
    """Refuse hyper-parameters that are neither True nor False."""
    for name in names:
        if not isinstance(getattr(attack, name), bool):
            raise invalid(f"{_name(attack)}: {name}", "True or False", repr(getattr(attack, name)))


def check_choice(attack, name, known):
    """Refuse a hyper-parameter that is not among the known words."""
    value = getattr(attack, name)
    if not isinstance(value, str) or value not in known:
        raise invalid(f"{_name(attack)}: {name}", f"one of {', '.join(known)}", repr(value))


def _name(attack):
    """The attack's name in spec strings: its class, in lower case."""
    return type(attack).__name__.lower()
