"""What an evaluation says beside its verdict: distances, a control, curves, a certificate, findings, pictures."""

import numpy as np

from tfadv import attacks as registry
from tfadv.data.split import spread_over
from tfadv.evaluation import checks, curves, metrics
from tfadv.evaluation.certificate import linear_radius
from tfadv.graph.linear import is_linear

CONTROL = "noise"
# Distances, curves and the control see at most so many images: they illustrate, the robust accuracy judges.
SUBSET = 500


class Diagnostics:
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
        case = checks.Evidence(
            model=self.model, x=suite.x[few], y=suite.y[few], standing=suite.robust[few], right=suite.clean[few],
            logits=suite.z, labels=suite.y, threat=self.threat, seed=suite.seed, batch_size=suite.batch_size,
            members=tuple(suite.members), rows=tuple(suite.rows), stochastic=self.traits.random,
            differentiable=self.traits.differentiable, same_split=self.dataset.same_split, n=len(suite.x),
            certified=self._certified(), progress=self.progress,
        )  # fmt: skip
        return checks.findings(case)
