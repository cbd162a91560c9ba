"""One model under several threat models, and the worst case over all of them: what no attack of any of them changes."""

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tfadv.data.split import Dataset, as_dataset
from tfadv.errors import invalid
from tfadv.evaluation import results
from tfadv.evaluation.attack_rows import attack_row
from tfadv.evaluation.certificates import stated
from tfadv.evaluation.checks import SEVERITIES
from tfadv.evaluation.evaluate import evaluate, looked_at, members_for, threat_and_attacks
from tfadv.evaluation.merge import worst_checks
from tfadv.evaluation.partial_results import PartialResults
from tfadv.evaluation.results import EvaluationResult
from tfadv.evaluation.schema import COUNTED
from tfadv.progress import as_callable
from tfadv.threat import ThreatModel


def evaluate_each(
    model: keras.Model,
    dataset: Dataset | tuple[np.ndarray, np.ndarray],
    threats: Sequence[ThreatModel | str],
    *,
    keep: str | Path | None = None,
    **options: Any,
) -> tuple[list[EvaluationResult], EvaluationResult]:
    """Judge a classifier under each of several threat models.

    Args:
        threats: two or more, each once.
        keep: a directory in which finished results are kept, each in a folder, and at the end the union; the same call
            goes on after an interruption.
        options: those of `evaluate`.

    Returns:
        A result for each threat model, in their order, and the `union`.

    Raises:
        TfadvError: for fewer than two threat models, and as `evaluate`.

    >>> each, worst = evaluate_each(model, dataset, ["linf:8/255", "l2:0.5"])  # doctest: +SKIP
    """
    dataset = as_dataset(dataset)
    given = [threat_and_attacks(threat, options.get("attacks"), dataset) for threat in threats]
    names = [str(threat) for threat, _ in given]
    if len(set(names)) < max(2, len(names)):
        raise invalid("threats", "two or more, each once", ", ".join(names) or "none")
    about = {name: options[name] for name in ("batch_size", "any_scale") if name in options}
    subject = looked_at(model, dataset.test.spread(options.get("n")), as_callable(options.get("progress")), **about)
    kept = PartialResults(keep, subject, {name: value for name, value in options.items() if name != "progress"})
    for threat, named in given:  # what cannot be judged under the last one is refused before the first is judged
        members_for(subject, threat, named)
    judge = functools.partial(evaluate, model, dataset, subject=subject, **options)
    each = [kept.result(results.folder(name), functools.partial(judge, threat=name)) for name in names]
    worst = union(each, dataset.class_names)
    if keep:
        for result in each:
            result.save(Path(keep) / results.folder(result.threat))
        worst.save(keep)
    kept.close()
    return each, worst


def union(each: Sequence[EvaluationResult], class_names: Sequence[str]) -> EvaluationResult:
    """The worst case per image over several threat models: robust is what withstood all attacks of all of them.

    Its rows are the threat models, its findings those of all; it has no distances, as they are of several norms.

    Args:
        each: results of one model on the same images.
    """
    first = each[0]
    robust = np.stack([result.arrays["robust"] for result in each])
    # Of a random model the draws on clean images may differ, too.
    clean = np.stack([result.arrays["clean"] for result in each]).any(axis=0)
    by = np.where(clean & ~robust.all(axis=0), robust.argmin(axis=0), -1).astype(np.int32)
    seconds = {"seconds": round(sum(result.provenance.get("seconds", 0) for result in each), 1)}
    return EvaluationResult.of(
        clean, robust.all(axis=0), first.arrays["labels"], class_names,
        model=first.model, dataset=first.dataset, threat=" and ".join(result.threat for result in each),
        stochastic=first.stochastic, attacks=[_row(result, k, clean, by) for k, result in enumerate(each)],
        certificate=_certificate(each), findings=_findings(each), checks=worst_checks(each) or None,
        corruptions=first.corruptions,
        provenance=first.provenance | seconds, arrays={"broken_by": by},
    )  # fmt: skip


def _row(result, place, clean, by):
    """What all attacks under one threat model broke that those before it had left."""
    counted = {key: result.cost(key) for key in COUNTED}
    name = {"attack": f"all attacks under {result.threat}", "attacked": int(clean.sum())}
    return name | attack_row(place, clean, by) | counted


def _certificate(each):
    """What is proven under every threat model; None where nothing is under one of them."""
    if not all("certified" in result.arrays and result.certificate for result in each):
        return None
    certified = np.stack([result.arrays["certified"] for result in each]).all(axis=0)
    method = " and ".join(dict.fromkeys(result.certificate["method"] for result in each))
    confidences = [result.certificate["confidence"] for result in each]
    confidence = min(filter(None, confidences), default=None)
    return stated(method, certified, all(result.certificate["exact"] for result in each), confidence)


def _findings(each):
    """Those of all, worst first; what is not said under every threat model names those under which it is."""
    threats = {}
    for result in each:
        for finding in result.findings:
            threats.setdefault(tuple(finding.items()), []).append(result.threat)
    found = []
    for items, where in threats.items():
        finding = dict(items)
        if len(where) < len(each):
            finding["message"] = f"Under {' and '.join(where)}: {finding['message']}"
        found.append(finding)
    return sorted(found, key=lambda finding: SEVERITIES.index(finding["severity"]))
