"""What an evaluation says beside its verdict: distances, a control, curves, a certificate, findings, pictures."""

import numpy as np

from tfadv import attacks as registry
from tfadv.data.split import spread_over
from tfadv.evaluation import checks, curves, metrics
from tfadv.evaluation.certificate import linear_radius
from tfadv.graph.linear import is_linear
from tfadv.threat import Ball

CONTROL = "noise"
# One of them knows each norm.
BLACK_BOX = ("square(queries=500)", "sparse_rs(queries=500)")
# Distances, curves and the control see at most so many images: they illustrate, the robust accuracy judges.
SUBSET = 500


class Diagnostics:
    """What an evaluation says beside its verdict, from some of the images.

    Args:
        run: the finished `AttackRun`; traits: `ModelTraits`; dataset: of its images.
        progress: called with what is being done, and how much of how much is done.
    """

    def __init__(self, run, traits, dataset, progress):
        self.run, self.traits, self.dataset, self.progress = run, traits, dataset, progress
        judge = self.judge = run.judge
        self.at = spread_over(len(judge.x), SUBSET)
        self.few = judge.only(self.at)
        self.radius = None
        if is_linear(judge.model) and isinstance(judge.threat, Ball):
            self.radius = linear_radius(judge.model, judge.x, judge.y, judge.threat.norm, judge.batch_size)

    def facts(self):
        """What a result holds of it."""
        proven = {} if self.radius is None else {"radius": self.radius}
        return {
            "arrays": {"distance": self.run.distance, "broken_by": self.run.broken_by, **proven},
            "norms": self.norms(),
            "control": self.control(),
            "certificate": self.certificate(),
            "rho2": self.rho2(),
            "curves": self.curves(),
            "findings": self.findings(),
            "gallery": self.run.gallery(self.dataset.class_names),
        }

    def norms(self):
        """Of the perturbations that fooled."""
        found = self.run.distance[self.run.broken_by >= 0]
        if not found.size:
            return None
        return {"median": float(np.median(found)), "mean": float(found.mean()), "max": float(found.max())}

    def control(self):
        """Accuracy under random noise of the same size: what an attack has to beat."""
        self.progress("uniform noise", 0, 1)
        noise = registry.get(CONTROL)
        right = self.judge.clean[self.at] & self.few.withstands(noise)
        self.progress("uniform noise", 1, 1)
        return {"attack": str(noise), "accuracy": right.mean()}

    def certificate(self):
        """The accuracy under the best attack there is, where it is known."""
        if self.radius is None:
            return None
        return {"method": "linear model", "accuracy": self._certified() / self.radius.size}

    def _certified(self):
        return None if self.radius is None else int((self.radius > self.judge.threat.eps).sum())

    def rho2(self):
        if not self.traits.differentiable or self.traits.random:
            return None
        self.progress("DeepFool distances", 0, 1)
        return metrics.summary(metrics.rho(self.few.model, self.few.x, batch_size=self.few.batch_size))

    def curves(self):
        """Accuracy against eps: of one step, and, with what the evaluation knows already, of many."""
        if not self.traits.differentiable:
            specs = [spec for spec in BLACK_BOX if self.judge.threat.norm in registry.get(spec).norms]
        elif self.traits.random:
            specs = ("fgsm", "eot(attack=pgd(steps=20), draws=10)")
        else:
            specs = ("fgsm", "apgd(steps=50)")
        return [self._curve(spec, uses_verdict=spec == specs[-1]) for spec in specs]

    def _curve(self, spec, uses_verdict):
        run, at, eps = self.run, self.at, curves.grid(self.judge.threat)
        known = curves.Known(run.distance[at], run.broken_by[at], run.robust[at]) if uses_verdict else None
        on_step = lambda done, total: self.progress(f"accuracy against eps, {spec}", done, total)  # noqa: E731
        accuracy = curves.accuracy_curve(self.few, eps, registry.get(spec), known=known, on_step=on_step)
        return {"attack": spec, "norm": self.judge.threat.norm, "eps": eps, "accuracy": accuracy}

    def findings(self):
        """What makes the robust accuracy suspect, worst first."""
        run, judge = self.run, self.judge
        evidence = checks.Evidence(
            judge=self.few, right=judge.clean[self.at], robust=run.robust[self.at],
            logits=judge.clean_logits, labels=judge.y, members=tuple(run.members), rows=tuple(run.rows),
            differentiable=self.traits.differentiable, certified=self._certified(),
            same_split=self.dataset.same_split, progress=self.progress,
        )  # fmt: skip
        return checks.findings(evidence)
