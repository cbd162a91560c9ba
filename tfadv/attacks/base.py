"""What every attack is: hyper-parameters and a loop. The base class checks, compiles, batches, projects."""

import abc
import dataclasses
import numbers
import typing
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from tfadv import gradients, random, spec, validation
from tfadv.attacks.compiled import Compiled, check_classifier, kept, own
from tfadv.attacks.problem import Problem
from tfadv.errors import invalid
from tfadv.graph.strided_convolution import with_fast_input_gradient
from tfadv.graph.xla import dense_only, xla_pays
from tfadv.passes import Passes
from tfadv.tensors import finite_or
from tfadv.threat import NORMS, ThreatModel, balls


@dataclasses.dataclass(frozen=True, kw_only=True)
class Attack(abc.ABC):
    """An attack. Subclasses are frozen dataclasses of hyper-parameters that write `perturb`.

    An option `early_stop`, where there is one, ends the attack on an image as soon as it is misclassified.

    >>> from tfadv import LInf, PGD
    >>> x_adv = PGD(steps=40)(model, x, y, threat=LInf(8 / 255))  # doctest: +SKIP
    """

    # Whether it works on rows (n, d) as on images; with 3 channels `tf.where` is seven times faster on rows
    # (`benchmarks/choices.py`, on CPU).
    on_rows: typing.ClassVar[bool] = False
    # Whether it needs images, (n, h, w, c): vectors come as images of one column, (n, d, 1, 1).
    on_images: typing.ClassVar[bool] = False
    # Whether the loop has static shapes, which XLA needs.
    xla_compatible: typing.ClassVar[bool] = True
    # The norms of the threat models under which it works.
    norms: typing.ClassVar[tuple[str, ...]] = balls()
    # What spec strings call it: the class, in lower case, unless it says otherwise.
    name: typing.ClassVar[str]
    # Whether it needs nothing but logits, or nothing but predictions.
    black_box: typing.ClassVar[bool] = False
    # Whether it needs nothing but predicted labels.
    decision_based: typing.ClassVar[bool] = False
    # Whether it consists of several attacks, its `members`.
    ensemble: typing.ClassVar[bool] = False
    # Whether the seed matters.
    seeded: typing.ClassVar[bool] = False

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        if "name" not in cls.__dict__:
            cls.name = cls.__name__.lower()

    def __call__(
        self,
        model: keras.Model,
        x: ArrayLike,
        y: ArrayLike,
        *,
        threat: ThreatModel,
        targets: ArrayLike | None = None,
        seed: int = 0,
        batch_size: int = 500,
    ) -> np.ndarray:
        """Craft adversarial examples; the result always lies inside the ball and the box of the threat model.

        Args:
            model: a `keras.Model` that maps images (or vectors) to logits.
            x: images, (n, h, w, c), or vectors, (n, d): floats in the box, [0, 1] unless the threat model says else.
            y: true labels, (n,) integers. Those that the model gets wrong already are attacked too.
            threat: a `ThreatModel`, e.g. `LInf(8/255)`.
            targets: labels to reach, (n,) integers; None for an untargeted attack.
            seed: a whole number; the same seed (and batch size) gives the same bits.
            batch_size: images crafted at a time; memory grows with it, not with n.

        Returns:
            x_adv, float32 array like x.

        Raises:
            TfadvError: for input that `tfadv.validation` refuses, and for a norm that the attack does not know.
        """
        if not isinstance(threat, ThreatModel):
            raise invalid("threat", "a threat model", repr(threat), "write e.g. threat=LInf(8/255).")
        self.check_norm(threat.norm)

        def graph(problem, eps, seed):
            return self.perturb_projected(problem, threat.with_eps(eps), seed)

        key = threat.with_eps(0.0)
        return self._run(graph, model, x, y, targets, seed, batch_size, key, threat.box, threat.eps)

    def craft(
        self,
        model: keras.Model,
        x: tf.Tensor,
        y: tf.Tensor,
        *,
        threat: ThreatModel,
        seed: tf.Tensor,
        targets: tf.Tensor | None = None,
        reference: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """The same as graph code without checks, for trainers: tensors in, a tensor out.

        Args:
            model: a `keras.Model`; attacked is what `logits_fn` makes of it, as in a call.
            seed: a stateless seed, (2,) int32, as `tfadv.random.key` makes it.
            reference: logits (n, classes) that `loss=kl` compares with; None is the model's own at x.
        """
        self.check_norm(threat.norm)
        targets = None if targets is None else tf.cast(targets, tf.int32)
        y, reject = tf.cast(y, tf.int32), validation.rejects(model)
        problem = Problem(self.logits_fn(model), x, y, targets, reference, reject, self.surrogate(model))
        return self.perturb_projected(problem, threat, seed)

    def perturb_projected(self, problem: Problem, threat: ThreatModel, seed: tf.Tensor) -> tf.Tensor:
        """What `perturb` finds, made finite and put into ball and box."""
        return self._finite_projected(problem, lambda here: self.perturb(here, threat, seed), threat)

    def _finite_projected(self, problem, find, threat=None):
        """What `find` finds, made finite and projected; the attack sees rows, or images, where it says so.

        Rows only where the threat model does not need to know what a pixel is.
        """
        rows = self.on_rows and (threat is None or threat.on_rows)
        here = problem.flattened() if rows else problem.as_images() if self.on_images else problem
        found = finite_or(here.x, find(here))
        found = found if threat is None else threat.project(found, here.x)
        return tf.stop_gradient(tf.reshape(found, tf.shape(problem.x)))

    @abc.abstractmethod
    def perturb(self, problem: Problem, threat: ThreatModel, seed: tf.Tensor) -> tf.Tensor:
        """The attack's loop: a `Problem`, a threat model and a stateless seed to images like problem.x."""

    @abc.abstractmethod
    def cost(self, classes: int) -> Passes:
        """The `Passes` that one image costs at most, with a model of so many classes.

        What runs at once and in vain (`loops.together`, `loops.lookahead`) comes on top.
        """

    def logits_fn(self, model: keras.Model) -> Callable[[tf.Tensor], tf.Tensor]:
        """The function from images to logits that is attacked: the model itself, unless an attack knows better."""
        return gradients.logits_of(with_fast_input_gradient(model))

    def surrogate(self, model: keras.Model) -> Callable[[tf.Tensor], tf.Tensor] | None:
        """A second function from images to logits, which the attack finds in its problem; None unless it needs one."""
        return None

    @property
    def serves_architecture(self) -> bool:
        """Whether what is compiled for one model serves others: not where the attack takes models apart itself."""
        return type(self).logits_fn is Attack.logits_fn and type(self).surrogate is Attack.surrogate

    def members(self, classes: int, norm: str) -> tuple["Attack", ...]:
        """The attacks that this one consists of, with so many classes in this norm; itself, if it is no ensemble."""
        return (self,)

    def until_fooled(self) -> typing.Self:
        """The same attack for judging: it wastes nothing on images that are misclassified already."""
        known = {option.name for option in dataclasses.fields(self)}
        return dataclasses.replace(self, early_stop=True) if "early_stop" in known else self

    def _run(self, graph, model, x, y, targets, seed, batch_size, key, box, eps=0.0):
        """Check, compile `graph(problem, eps, seed)` once per architecture, and go through the batches."""
        x = validation.points(x, box)
        if isinstance(seed, bool) or not isinstance(seed, numbers.Integral):
            raise invalid("seed", "a whole number", repr(seed))
        if isinstance(batch_size, bool) or not isinstance(batch_size, numbers.Integral) or batch_size < 1:
            raise invalid("batch_size", "a whole number of at least 1", repr(batch_size))
        # At every call: since the last one training may have made the weights NaN, and then x would come back
        # as it is.
        classes, owner = check_classifier(model, x)
        owner = owner if self.serves_architecture else own(model)
        shared = isinstance(owner, str)
        whole = self.xla_compatible and dense_only(model)
        reject = validation.rejects(model)
        prepared = lambda problem, *given: graph(dataclasses.replace(problem, reject=reject), *given)  # noqa: E731
        views = lambda held: (self.logits_fn(held), self.surrogate(held))  # noqa: E731
        xla = whole and xla_pays(model, None if shared else len(x) * sum(self.cost(classes)))
        compiled = kept(
            (owner, self, key, targets is not None, x.shape[1:], xla, reject),
            lambda: Compiled(prepared, views, x.shape[1:], targets is not None, shared, whole, xla),
        )
        arrays = [x, validation.labels(y, len(x), classes)]
        if targets is not None:
            arrays.append(validation.labels(targets, len(x), classes, "targets"))
        return compiled.run(model, arrays, tf.cast(eps, tf.float32), random.key(seed), batch_size)

    def check_norm(self, norm: str) -> None:
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
    optimality: typing.ClassVar[str] = "nearest"

    def minimal(
        self,
        model: keras.Model,
        x: ArrayLike,
        y: ArrayLike,
        *,
        norm: str | None = None,
        box: tuple[float, float] | None = (0.0, 1.0),
        targets: ArrayLike | None = None,
        seed: int = 0,
        batch_size: int = 500,
    ) -> np.ndarray:
        """The nearest misclassified points found, wherever they lie; x where it is misclassified already.

        Unlike a call with a threat model, nothing is projected: whether the box is kept is the attack's own
        option, as in the papers that measure these distances.

        Args:
            norm: the norm to minimize, one of the attack's `norms`; None is l_2, or the first one if l_2 is not.
            box: lowest and highest valid value; None where every number is valid. The other arguments are those of a
                call.

        Returns:
            x_adv, float32 array like x.
        """
        norm = norm or ("l2" if "l2" in self.norms else self.norms[0])
        self.check_norm(norm)
        threat = NORMS[norm](0.0, box)

        def graph(problem, eps, seed):
            unlimited = threat.with_eps(tf.constant(float("inf")))
            return self._finite_projected(problem, lambda here: self.search(here, unlimited, seed))

        return self._run(graph, model, x, y, targets, seed, batch_size, ("minimal", threat), threat.box)

    def perturb(self, problem, threat, seed):
        return self.search(problem, threat, seed)

    @abc.abstractmethod
    def search(self, problem: Problem, threat: ThreatModel, seed: tf.Tensor) -> tf.Tensor:
        """The attack's loop: a `Problem`, a threat model of infinite eps, a stateless seed; images like problem.x.

        Where `perturb` is not written too, eps is that of the call.
        """
