"""The protocol: clean accuracy, then the worst case per example over attacks, distances, a curve, and suspicion."""

import time

import numpy as np

from tfadv import attacks as registry
from tfadv import boundary, gradients
from tfadv import threat as threats
from tfadv.attacks.base import Attack
from tfadv.data.split import spread_over
from tfadv.errors import TfadvError, invalid
from tfadv.evaluation import checks, curves, metrics
from tfadv.evaluation.certificate import is_linear, linear_radius
from tfadv.evaluation.journal import Journal, fingerprint
from tfadv.evaluation.results import EvaluationResult
from tfadv.evaluation.suite import Suite
from tfadv.models.precision import in_precision
from tfadv.provenance import provenance

STANDARD, RANDOM, BLACK_BOX = ("autoattack",), ("autoattack(version=rand)",), ("square",)
CONTROL = "noise"
# Distances, curves and the control see at most so many images: they illustrate, the robust accuracy judges.
SUBSET = 500
# Passes whose majority judges a random model.
DRAWS = 20
# Passes whose logits differ by less than this share of their range are the same: GPUs add in any order.
SAME = 1e-4


def evaluate(
    model,
    dataset,
    *,
    threat,
    attacks=None,
    n=None,
    seed=0,
    batch_size=500,
    name=None,
    path=None,
    keep=None,
    craft_in=None,
    progress=lambda what, done, total, left=None: None,
):
    """Judge a classifier on a data set's test images.

    An attack runs on the images that the model gets right and that no attack before it has broken; robust accuracy
    counts, among all images, those that withstand every attack.

    Args:
        model: a `keras.Model`, images to logits.
        dataset: a `tfadv.data.Dataset`; its test split is used, in data order.
        threat: a `ThreatModel` or its spec, `"linf:8/255"`.
        attacks: attacks or their specs, one or several. None is AutoAttack's standard ensemble; for a random model its
            version for such, against the expectation over 20 draws; for a model without gradients the Square attack.
        n: judge n images only, evenly spread over the data order, which may be sorted by class.
        seed: of all random starts.
        name, path: of the model, for the result.
        keep: a directory in which to keep what is known after every batch; the same call takes it up after an
            interruption, with the same outcome.
        craft_in: `"bfloat16"`: attacks work on a copy of the model in this precision, which some CPUs compute faster;
            the model itself judges, and what fooled only the copy is attacked again.
        progress: called with what is being done, how much of how much is done, and the seconds left at most.

    Returns:
        An `EvaluationResult`.

    Raises:
        TfadvError: for a model or data that `tfadv.boundary` refuses, for bad specs, and for no attacks at all.

    >>> evaluate(model, datasets.load("cifar10"), threat="linf:8/255", n=1000).robust_accuracy  # doctest: +SKIP
    """
    started = time.perf_counter()
    threat, named = _threat(threat), _attacks(attacks)
    split = dataset.test.spread(n) if n else dataset.test
    x, y = split.x, boundary.labels(split.y, len(split))
    classes = boundary.classifier(model, x)
    boundary.labels(y, len(x), classes, "labels of the data set")
    traits = Traits.of(model, x)
    members = chosen(named or traits.default_attacks(), threat, classes)
    traits.check(members, model, x)
    images = fingerprint(x, y)
    identity = {
        # A SavedModel may hold its weights as constants.
        "weights": fingerprint(*model.get_weights(), *([] if traits.random else [metrics.logits(model, x[:32])])),
        "images": images, "threat": str(threat), "seed": seed,
        "attacks": [str(member) for member in members], "batch_size": batch_size, "versions": versions(),
        "craft_in": craft_in,
    }  # fmt: skip
    journal = Journal(keep, identity)
    suite = Suite(
        model, x, y, threat, members,
        seed=seed, batch_size=batch_size, draws=traits.draws, journal=journal, progress=progress,
        crafted_on=in_precision(model, craft_in) if craft_in else None,
    )  # fmt: skip
    suite.run()
    result = EvaluationResult.of(
        suite.clean,
        suite.robust,
        y,
        dataset.class_names,
        model={"name": name or model.name, "path": str(path) if path else None, "parameters": model.count_params()},
        dataset={
            "name": dataset.name, "source": dataset.source, "split": "test", "n": len(x), "fingerprint": images,
        },
        threat=str(threat),
        stochastic=traits.random,
        attacks=suite.rows,
        **Aftermath(suite, traits, dataset, progress).facts(),
        provenance=provenance(
            seed=seed, seconds=round(time.perf_counter() - started, 1), data_source=dataset.source,
            **({"crafted in": craft_in} if craft_in else {}),
        ),
    )  # fmt: skip
    journal.close()
    return result


def _threat(threat):
    threat = threats.parse(threat) if isinstance(threat, str) else threat
    if not threat.eps > 0:
        raise TfadvError(f"an evaluation needs an eps above 0, received {threat}; write e.g. linf:8/255.")
    return threat


def _attacks(attacks):
    """Those that were named, or None."""
    if attacks is None:
        return None
    given = [attacks] if isinstance(attacks, str | Attack) else attacks
    named = [one if isinstance(one, Attack) else registry.get(one) for one in given]
    if not named:
        raise TfadvError("there is no attack to run: give at least one, e.g. --attack fgsm.")
    return named


def chosen(attacks, threat, classes):
    """The single attacks that the given ones consist of; of ensembles, those that know the norm."""
    members = []
    for attack in attacks:
        parts = attack.members(classes, threat.norm)
        if len(parts) == 1:
            parts[0].check_norm(threat.norm)
        members += [part for part in parts if threat.norm in part.norms]
    return tuple(members)


def versions():
    """What else the bits of an outcome depend on."""
    known = provenance()
    return {name: known[name] for name in ("tfadv", "tensorflow", "keras")}


class Traits:
    """How a model is to be attacked: whether it is random, and whether it has gradients."""

    def __init__(self, random, differentiable):
        self.random, self.differentiable = random, differentiable
        self.draws = DRAWS if random else 1

    @classmethod
    def of(cls, model, x):
        few = x[spread_over(len(x), 32)]
        first, *others = (metrics.logits(model, few) for _ in range(4))
        rounding = SAME * np.ptp(first)
        return cls(any(np.abs(first - z).max() > rounding for z in others), gradients.differentiable(model, few))

    def default_attacks(self):
        specs = BLACK_BOX if not self.differentiable else RANDOM if self.random else STANDARD
        return [registry.get(spec) for spec in specs]

    def check(self, members, model, x):
        """Refuse attacks that follow gradients which neither the model has nor they lend it."""
        for member in () if self.differentiable else members:
            if not member.black_box and not gradients.differentiable(model, x, member.view):
                hint = "try square, or bpda, which lends it a gradient."
                raise invalid("attacks on a model without gradients", "black-box attacks", str(member), hint)


class Aftermath:
    """What an evaluation says beside its verdict, from some of the images."""

    def __init__(self, suite, traits, dataset, progress):
        self.suite, self.traits, self.dataset, self.progress = suite, traits, dataset, progress
        self.few = spread_over(len(suite.x), SUBSET)
        self.model, self.threat = suite.model, suite.threat
        self.options = {"seed": suite.seed, "batch_size": suite.batch_size}
        self.radius = None
        if is_linear(self.model):
            self.radius = linear_radius(self.model, suite.x, suite.y, self.threat.norm, suite.batch_size)

    def facts(self):
        """What a result holds of it."""
        proven = {} if self.radius is None else {"radius": self.radius}
        return {
            "arrays": {"distance": self.suite.distance, "broken_by": self.suite.broken_by, **proven},
            "norms": self.norms(),
            "control": self.control(),
            "certificate": self.certificate(),
            "rho2": self.rho2(),
            "curves": self.curves(),
            "findings": self.findings(),
            "gallery": self.suite.gallery(self.dataset.class_names),
        }

    def norms(self):
        """Of the perturbations that fooled."""
        found = self.suite.distance[self.suite.broken_by >= 0]
        if not found.size:
            return None
        return {"median": float(np.median(found)), "mean": float(found.mean()), "max": float(found.max())}

    def control(self):
        """Accuracy under random noise of the same size: what an attack has to beat."""
        self.progress("uniform noise", 0, 1)
        x, y = self.suite.x[self.few], self.suite.y[self.few]
        noise = registry.get(CONTROL)
        x_noisy = noise(self.model, x, y, threat=self.threat, **self.options)
        right = self.suite.clean[self.few] & metrics.correct(
            self.model, x_noisy, y, self.suite.batch_size, self.traits.draws
        )
        self.progress("uniform noise", 1, 1)
        return {"attack": str(noise), "accuracy": right.mean()}

    def certificate(self):
        """The accuracy under the best attack there is, where it is known."""
        if self.radius is None:
            return None
        return {"method": "linear model", "accuracy": self._certified() / self.radius.size}

    def _certified(self):
        return None if self.radius is None else int((self.radius > self.threat.eps).sum())

    def rho2(self):
        if not self.traits.differentiable or self.traits.random:
            return None
        self.progress("DeepFool distances", 0, 1)
        return metrics.summary(metrics.rho(self.model, self.suite.x[self.few], batch_size=self.suite.batch_size))

    def curves(self):
        """Accuracy against eps: of one step, and, with what the evaluation knows already, of many."""
        if not self.traits.differentiable:
            specs = ("square(queries=500)",)
        elif self.traits.random:
            specs = ("fgsm", "eot(attack=pgd(steps=20), draws=10)")
        else:
            specs = ("fgsm", "apgd(steps=50)")
        return [self._curve(spec, uses_verdict=spec == specs[-1]) for spec in specs]

    def _curve(self, spec, uses_verdict):
        suite, few, eps = self.suite, self.few, curves.grid(self.threat)
        known = curves.Known(suite.distance[few], suite.broken_by[few], suite.robust[few]) if uses_verdict else None
        accuracy = curves.accuracy_curve(
            self.model, suite.x[few], suite.y[few], self.threat, eps, registry.get(spec),
            draws=self.traits.draws, known=known, **self.options,
            on_step=lambda done, total: self.progress(f"accuracy against eps, {spec}", done, total),
        )  # fmt: skip
        return {"attack": spec, "norm": self.threat.norm, "eps": eps, "accuracy": accuracy}

    def findings(self):
        """What makes the robust accuracy suspect, worst first."""
        suite, few = self.suite, self.few
        case = checks.Case(
            model=self.model, x=suite.x[few], y=suite.y[few], standing=suite.robust[few], right=suite.clean[few],
            logits=suite.z, labels=suite.y, threat=self.threat, seed=suite.seed, batch_size=suite.batch_size,
            members=tuple(suite.members), rows=tuple(suite.rows), stochastic=self.traits.random,
            differentiable=self.traits.differentiable, same_split=self.dataset.same_split, n=len(suite.x),
            certified=self._certified(), progress=self.progress,
        )  # fmt: skip
        return checks.findings(case)
