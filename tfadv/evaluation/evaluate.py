"""The protocol: clean accuracy, then the worst case per example over attacks, distances, a curve, and suspicion."""

import time

import numpy as np

from tfadv import attacks as registry
from tfadv import boundary
from tfadv import threat as threats
from tfadv.attacks.base import Attack
from tfadv.data.split import spread_over
from tfadv.errors import TfadvError
from tfadv.evaluation import checks, curves, metrics
from tfadv.evaluation.results import EvaluationResult, wilson
from tfadv.provenance import provenance

# The margin loss finds what the cross-entropy misses, and the other way round.
DEFAULT_ATTACKS = ("fgsm", "pgd(steps=40, restarts=5)", "pgd(steps=40, loss=margin)")
# Curves, distances and checks see at most so many images: they illustrate, the robust accuracy judges.
SUBSET = 1000


def evaluate(
    model,
    dataset,
    *,
    threat,
    attacks=DEFAULT_ATTACKS,
    n=None,
    seed=0,
    batch_size=500,
    name=None,
    path=None,
    progress=lambda what, done, total: None,
):
    """Judge a classifier on a data set's test images.

    Each attack runs on every image that the model gets right; robust accuracy counts the images that withstand all
    of them, among all images.

    Args:
        model: a `keras.Model`, images to logits.
        dataset: a `tfadv.data.Dataset`; its test split is used, in data order.
        threat: a `ThreatModel` or its spec, `"linf:8/255"`.
        attacks: attacks or their specs.
        n: judge n images only, evenly spread over the data order, which may be sorted by class.
        seed: of all random starts.
        name, path: of the model, for the result.
        progress: called with what is being done, and how much of how much is done.

    Returns:
        An `EvaluationResult`.

    Raises:
        TfadvError: for a model or data that `tfadv.boundary` refuses, for bad specs, and for no attacks at all.
    """
    started = time.perf_counter()
    threat = threats.parse(threat) if isinstance(threat, str) else threat
    attacks = [attack if isinstance(attack, Attack) else registry.get(attack) for attack in attacks]
    if not attacks:
        raise TfadvError("there is no attack to run: give at least one, e.g. --attack fgsm.")
    if not threat.eps > 0:
        raise TfadvError(f"an evaluation needs an eps above 0, received {threat}; write e.g. linf:8/255.")
    for attack in attacks:
        attack.check_norm(threat.norm)
    split = dataset.test.spread(n) if n else dataset.test
    x, y = split.x, boundary.labels(split.y, len(split))
    classes = boundary.classifier(model, x)
    boundary.labels(y, len(x), classes, "labels of the data set")
    suite = Suite(model, x, y, threat, seed, batch_size, progress)
    rows = [suite.run(attack, classes) for attack in attacks]
    few = spread_over(len(x), SUBSET)
    ratios = metrics.rho(model, x[few], batch_size=batch_size)
    return EvaluationResult.of(
        suite.clean,
        suite.robust,
        y,
        dataset.class_names,
        arrays={"distance": suite.distance},
        model={
            "name": name or model.name,
            "path": str(path) if path else None,
            "parameters": model.count_params(),
        },
        dataset={"name": dataset.name, "source": dataset.source, "split": "test", "n": len(x)},
        threat=str(threat),
        attacks=rows,
        rho2=metrics.summary(ratios),
        curves=suite.curves(attacks, few),
        findings=suite.findings(dataset, few),
        gallery=suite.gallery(dataset.class_names),
        provenance=provenance(seed=seed, seconds=round(time.perf_counter() - started, 1), data_source=dataset.source),
    )


class Suite:
    """The state of one evaluation: who still stands, and the strongest image found of each example."""

    def __init__(self, model, x, y, threat, seed, batch_size, progress):
        self.model, self.x, self.y, self.threat = model, x, y, threat
        self.seed, self.batch_size, self.progress = seed, batch_size, progress
        self.z = metrics.logits(model, x, batch_size)
        self.clean = self.z.argmax(axis=1) == y
        self.robust = self.clean.copy()
        self.distance = np.zeros(len(x), np.float32)
        self.fooling = {}
        self.outcomes = {}

    def run(self, attack, classes):
        """Attack every image that the model gets right; returns the attack's row of the result."""
        started = time.perf_counter()
        attacked = np.flatnonzero(self.clean)
        right, distance = self.clean.copy(), np.zeros(len(self.x), np.float32)
        for k, start in enumerate(range(0, len(attacked), self.batch_size)):
            self.progress(str(attack), start, len(attacked))
            at = attacked[start : start + self.batch_size]
            right[at], distance[at] = self._batch(attack, at, self.seed * 100_003 + k)
        self.progress(str(attack), len(attacked), len(attacked))
        self.robust &= right
        self.outcomes[str(attack)] = right
        fooled = distance[self.clean & ~right]
        return {
            "attack": str(attack),
            "accuracy": right.mean(),
            "interval": wilson(right.sum(), right.size),
            "robust_accuracy_so_far": self.robust.mean(),
            "median_distance": float(np.median(fooled)) if fooled.size else None,
            "max_distance": float(fooled.max()) if fooled.size else None,
            "seconds": round(time.perf_counter() - started, 3),
            "gradients": attack.cost(classes) * len(attacked),
        }

    def _batch(self, attack, at, seed):
        x, y = self.x[at], self.y[at]
        x_adv = attack(self.model, x, y, threat=self.threat, seed=seed, batch_size=self.batch_size)
        right = metrics.correct(self.model, x_adv, y, self.batch_size)
        distance = self.threat.distance(x_adv, x).numpy()
        for i in np.flatnonzero(~right & self.robust[at]):
            self.distance[at[i]] = distance[i]
            if len(self.fooling) < 200:
                self.fooling[int(at[i])] = x_adv[i]
        return right, distance

    def curves(self, attacks, few):
        """Accuracy against eps under the first FGSM (or FGSM itself) and under the last attack of the list."""
        eps = curves.grid(self.threat)
        chosen = {str(attack): attack for attack in (registry.get("fgsm"), attacks[-1])}
        done, total = 0, len(eps) * len(chosen)
        rows = []
        for spec, attack in chosen.items():

            def step():
                nonlocal done
                done += 1
                self.progress("accuracy against eps", done, total)

            accuracy = curves.accuracy_curve(
                self.model, self.x[few], self.y[few], self.threat, eps, attack,
                seed=self.seed, batch_size=self.batch_size, on_step=step,
            )  # fmt: skip
            rows.append({"attack": spec, "norm": self.threat.norm, "eps": eps, "accuracy": accuracy})
        return rows

    def findings(self, dataset, few):
        """What makes the robust accuracy suspect, worst first."""
        self.progress("checks", 0, 1)
        x, y = self.x[few], self.y[few]
        found = [
            *checks.randomized(self.model, x),
            *checks.zero_gradients(self.model, x, y),
            *checks.single_step_stronger(self.outcomes),
            *checks.single_step_only(self.outcomes),
            *checks.stands_large_eps(self.model, x[::5], y[::5], self.threat, self.seed),
            *checks.knows_little(self.z, self.y),
            *checks.data_seen(dataset.same_split, len(self.x)),
        ]
        self.progress("checks", 1, 1)
        return sorted(found, key=lambda item: ("error", "warning", "info").index(item["severity"]))

    def gallery(self, class_names, size=8):
        """A few fooled images, of as many classes as there are."""
        if not self.fooling:
            return {}
        chosen = spread(sorted(self.fooling), self.y, size)
        x_adv = np.stack([self.fooling[i] for i in chosen])
        before, after = (metrics.probabilities(z) for z in (self.z[chosen], metrics.logits(self.model, x_adv)))
        return {
            "x": self.x[chosen],
            "x_adv": x_adv,
            "label": self.y[chosen],
            "predicted": before.argmax(axis=1),
            "confidence": before.max(axis=1),
            "predicted_adv": after.argmax(axis=1),
            "confidence_adv": after.max(axis=1),
            "class_names": np.array(class_names),
        }


def spread(indices, labels, size):
    """`size` of the indices, going round the classes.

    >>> spread([0, 1, 2, 3], np.array([7, 7, 7, 8]), 2)
    [0, 3]
    """
    times, order = {}, []
    for i in indices:
        label = int(labels[i])
        order.append((times.get(label, 0), i))
        times[label] = times.get(label, 0) + 1
    return sorted(i for _, i in sorted(order)[:size])
