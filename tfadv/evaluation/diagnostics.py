"""What an evaluation says beside its accuracies: distances, a control, curves, a certificate, findings, pictures."""

import functools

import numpy as np

from tfadv import attacks as registry
from tfadv import validation
from tfadv.attacks.apgd import APGD
from tfadv.attacks.deepfool import DeepFool
from tfadv.data.split import spread_over
from tfadv.evaluation import certificates, checks, curves, metrics, noise_value
from tfadv.evaluation.attack_rows import distances
from tfadv.evaluation.black_box import misled
from tfadv.evaluation.checks.chosen_attacks import certificate_contradicted
from tfadv.evaluation.checks.evidence import some
from tfadv.evaluation.estimate import work

CONTROL, FOLLOWS = "noise", "apgd(steps=50)"
# One of them knows each norm.
BLACK_BOX = ("square(queries=500)", "sparse_rs(queries=500)")
# Checks and the control see at most so many images. Distances and curves illustrate, the robust accuracy judges: they
# see fewer where they would take longer than the attacks, but no fewer than these.
SUBSET, FEWEST = 500, 100
NOISE, DISTANCES, CHECKS, VALUE = "uniform noise", "DeepFool distances", "checks", "with and without its noise"
PROOF = "proof"
# Images that attacks have fooled, of which a proof is tried all the same, beside all that withstood.
FOOLED = 20
VERDICT_ONLY = "only the verdict was requested"
NOT_CHECKED = {
    "code": "not_checked",
    "severity": "warning",
    "message": "Only the verdict was asked for: no check has looked for what makes it too good.",
    "advice": "Evaluate again without --verdict-only before you quote it.",
}


class Diagnostics:
    """What an evaluation says beside its accuracies, from some of the images. Each part is kept in the journal.

    Args:
        run: the `AttackRun`; traits: `ModelTraits` of its model.
        seen: whether the model was trained on the judged images; None where that is not known.
        progress: called with what is being done, how much of how much is done, and the seconds left at most.
        known: calls a function, or knows what it returned, under a name: for what depends on no threat model.
        command: the `tfadv evaluate` line of this evaluation, without attacks; None where there is none.
        whole: whether all of it follows, or of what takes time only a proof that is quick.
        slow_proof: why a proof that is not quick is left out; None where it is made.
        proof_method: a function of a judge that says how something is proven, as `certificates.proof_method` does.

    Attributes:
        unadapted: why no attacks were chosen by what the first ones met; None where they were.
    """

    def __init__(
        self, run, traits, *, seen, progress,
        known=lambda name, compute: compute(), command=None, whole=True, slow_proof=None,
        proof_method=certificates.proof_method,
    ):  # fmt: skip
        self.run, self.traits, self.seen, self.progress, self.known = run, traits, seen, progress, known
        self.command, self.whole, self.unadapted = command, whole, None
        self.judge, self.slow_proof, self.proof_method = run.judge, slow_proof, proof_method
        self.at = spread_over(len(self.judge.x), SUBSET)
        self.few = self.judge.only(self.at)
        self.todo = self._work()
        told = whole or slow_proof == VERDICT_ONLY  # of several blocks the first, if it has diagnostics
        if told and isinstance(self._method, str) and certificates.smoothing_of(self.judge.model):
            progress(f"No certificate: {self._method}.", 0, 0)

    def _work(self):
        """What each part takes at most, in forward passes."""
        proof = {} if isinstance(self._method, str) else {PROOF: len(self.judge.x) * work(*self._method.passes)}
        return proof | (self._work_besides() if self.whole else {})

    def _work_besides(self):
        price = lambda attack: len(self.at) * work(*attack.cost(self.judge.classes))  # noqa: E731
        radii = len(curves.grid(self.judge.threat)) - 1
        checked = checks.work_at_most(self.judge.classes, self.traits.noise)
        parts = {NOISE: price(registry.get(CONTROL)), CHECKS: checked}
        if self._has_distances():
            parts[DISTANCES] = price(DeepFool())
        if self._has_value():
            parts[VALUE] = price(noise_value.expected(self.traits.noise)) + 2 * price(registry.get(noise_value.ATTACK))
        return parts | {_of_curve(spec): radii * price(registry.get(spec)) for spec in self._curve_specs}

    @functools.cached_property
    def shown(self):
        """Indices of the images that distances and curves are of."""
        spent = sum(work(row["forwards"], row["gradients"]) for row in self.run.rows)
        most = sum(took for part, took in self._work().items() if part not in (NOISE, CHECKS, VALUE, PROOF))
        share = spent / most if most else 1.0
        return spread_over(len(self.judge.x), min(SUBSET, max(FEWEST, int(share * len(self.at)))))

    def facts(self):
        """What a result holds of it."""
        beside = {"control": self.control(), "rho2": self.rho2(), "curves": self.curves()}
        said = self.answers()
        beside |= {"findings": checks.findings(said), "checks": checks.outcomes(said), "noise": self.noise()}
        return self._without_time() | beside

    def without_checks(self):
        """What a result holds of it where only the attacks run: what takes no time, and a proof that takes little."""
        said = {check.__name__: VERDICT_ONLY for check in checks.CHECKS}
        # Where the proof is made, whether it is false takes no time.
        said[certificate_contradicted.__name__] = certificate_contradicted(self._evidence())
        findings = [NOT_CHECKED, *checks.findings(said)]
        return self._without_time() | {"findings": findings, "checks": checks.outcomes(said)}

    def _without_time(self):
        proof = self.proof
        return {
            "arrays": {
                "distance": self.run.distance,
                "broken_by": self.run.broken_by,
                **(proof.arrays if proof else {}),
            },
            "norms": distances(self.run.distance[self.run.broken_by >= 0]),
            "certificate": proof and proof.stated(),
        }

    @functools.cached_property
    def proof(self):
        """The `Certificate` of the judged images, or None."""
        return None if isinstance(self._method, str) else certificates.Certificate.of(self._part(PROOF, self._proven))

    def _proven(self):
        """Images that were fooled cannot be certified; a few of them are tried, as they show that a proof is false."""
        tell = lambda what, done, total: self._tell(PROOF, done, total)  # noqa: E731
        robust = np.flatnonzero(self.run.robust)
        tried = np.union1d(robust, some(~self.run.robust, FOOLED)) if robust.size else robust
        return self._method.prove(self.judge, tell, tried, self.run.journal.part)

    @functools.cached_property
    def _method(self):
        """How something is proven, or why nothing is."""
        found = self.proof_method(self.judge)
        if self.slow_proof is None or isinstance(found, str):
            return found
        attacks = sum(work(*member.cost(self.judge.classes)) for member in self.run.members)
        return found if found.is_quick(attacks) else self.slow_proof

    def control(self):
        """Accuracy under random noise of the same size: what an attack has to beat."""
        noise = registry.get(CONTROL)
        right = lambda: self.judge.clean[self.at] & self.few.withstands(noise)  # noqa: E731
        return self._part(NOISE, lambda: {"attack": str(noise), "accuracy": right().mean()})

    def rho2(self):
        """Mean and median of DeepFool's relative distances, where there are gradients to follow."""
        if not self._has_distances():
            return None
        judge = self.judge
        rho = lambda: metrics.summary(metrics.rho(judge.model, judge.x[self.shown], batch_size=judge.batch_size))  # noqa: E731
        return self._part(DISTANCES, lambda: self.known(f"{DISTANCES} of {len(self.shown)}", rho))

    def _has_distances(self):
        # Of a model that rejects a prediction may be no class, and DeepFool leads from class to class.
        return self.traits.differentiable and not (self.traits.random or validation.rejects(self.judge.model))

    def noise(self):
        """Accuracies of a random model under attackers who know of its noise, who do not, and without the noise."""
        if not self._has_value():
            return None
        return self._part(VALUE, lambda: noise_value.accuracies(self.judge.only(self.shown), self.traits.noise))

    def _has_value(self):
        return self.traits.random and self.traits.differentiable

    def curves(self):
        """Accuracy against eps: of one step, and, with what the evaluation knows already, of many."""
        specs = self._curve_specs
        return [self._part(_of_curve(spec), lambda spec=spec: self._curve(spec, spec == specs[-1])) for spec in specs]

    @functools.cached_property
    def _curve_specs(self):
        """The attacks of the curves: chosen before others join those of the evaluation."""
        if not self.traits.differentiable:
            return [spec for spec in BLACK_BOX if self.judge.threat.norm in registry.get(spec).norms]
        noise = self.traits.noise
        if noise:
            return ("fgsm", str(noise.expected(FOLLOWS)) if noise.slight else "eot(attack=pgd(steps=20), draws=10)")
        # What the attacks have compiled need not be compiled again.
        compiled = (spec for spec, member in zip(self.run.specs, self.run.members, strict=True) if _climbs_once(member))
        return ("fgsm", next(compiled, FOLLOWS))

    def _curve(self, spec, uses_outcomes):
        run, at, eps = self.run, self.shown, curves.grid(self.judge.threat)
        known = curves.Known(run.distance[at], run.broken_by[at], run.robust[at]) if uses_outcomes else None
        tell = functools.partial(self._tell, _of_curve(spec))
        accuracy = curves.accuracy_curve(self.judge.only(at), eps, registry.get(spec), known=known, on_step=tell)
        return {"attack": spec, "norm": self.judge.threat.norm, "eps": eps, "accuracy": accuracy}

    def answers(self):
        """What each check says, by its name."""
        run, traits = self.run, self.traits
        evidence = self._evidence(
            members=tuple(run.members), rows=tuple(run.rows), trials=tuple(run.trials),
            differentiable=traits.differentiable, noise=traits.noise, misled=misled(run, traits),
            certified=self.proof and self.proof.withstanding, seen=self.seen, unadapted=self.unadapted,
            command=self.command, progress=self._tell,
        )  # fmt: skip
        return checks.answers(evidence, run.journal.part)

    def _evidence(self, **beside):
        """About the images and the proof, and what else there is."""
        judge, robust, proof = self.judge, self.run.robust, self.proof
        return checks.Evidence(
            judge=self.few, right=judge.clean[self.at], robust=robust[self.at], logits=judge.clean_logits,
            labels=judge.y, contradicted=proof and proof.contradicted(robust),
            unproven=proof.unattacked if proof else self._method, **beside,
        )  # fmt: skip

    def _part(self, name, compute):
        """What `compute` returns; kept, so that it is not computed again after an interruption."""
        self._tell(name, 0, 1)
        found = self.run.journal.part(name, compute)
        self.todo.pop(name)
        self._tell(name, 1, 1)
        return found

    def _tell(self, what, done, total):
        """What is done of a part is no longer to do."""
        behind = 0 if what == CHECKS else done / max(1, total)  # checks differ in what they take
        left = sum(self.todo.values()) - self.todo.get(what, 0) * behind
        self.progress(what, done, total, self.run.estimate.left_after(left))


def _climbs_once(attack):
    return isinstance(attack, APGD) and (attack.loss, attack.restarts) == ("ce", 1)


def _of_curve(spec):
    return f"accuracy against eps, {spec}"
