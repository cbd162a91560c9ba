"""The protocol: clean accuracy, then the worst case per example over attacks, distances, a curve, and suspicion."""

import time

from tfadv import attacks as registry
from tfadv import threat as threats
from tfadv import validation
from tfadv.attacks.base import Attack
from tfadv.errors import TfadvError
from tfadv.evaluation import metrics
from tfadv.evaluation.attack_run import AttackRun
from tfadv.evaluation.diagnostics import Diagnostics
from tfadv.evaluation.journal import Journal
from tfadv.evaluation.judge import Judge
from tfadv.evaluation.results import EvaluationResult
from tfadv.evaluation.traits import ModelTraits
from tfadv.graph.precision import in_precision
from tfadv.provenance import fingerprint, provenance


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
        TfadvError: for a model or data that `tfadv.validation` refuses, for bad specs, and for no attacks at all.

    >>> evaluate(model, datasets.load("cifar10"), threat="linf:8/255", n=1000).robust_accuracy  # doctest: +SKIP
    """
    started = time.perf_counter()
    threat, named = _threat(threat), _attacks(attacks)
    split = dataset.test.spread(n) if n else dataset.test
    x, y = split.x, validation.labels(split.y, len(split))
    validation.radius(threat, x.shape[1:])
    classes = validation.classifier(model, x)
    validation.labels(y, len(x), classes, "labels of the data set")
    traits = ModelTraits.of(model, x)
    members = chosen(named or traits.default_attacks(threat.norm), threat, classes)
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
    judge = Judge(model, x, y, threat, seed, batch_size, traits.draws)
    crafted_on = in_precision(model, craft_in) if craft_in else None
    run = AttackRun(judge, members, journal=journal, progress=progress, crafted_on=crafted_on)
    run.run()
    result = EvaluationResult.of(
        judge.clean,
        run.robust,
        y,
        dataset.class_names,
        model={"name": name or model.name, "path": str(path) if path else None, "parameters": model.count_params()},
        dataset={
            "name": dataset.name, "source": dataset.source, "split": "test", "n": len(x), "fingerprint": images,
        },
        threat=str(threat),
        stochastic=traits.random,
        attacks=run.rows,
        **Diagnostics(run, traits, dataset, progress).facts(),
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
