"""The protocol: clean accuracy, then the worst case per example over attacks, distances, a curve, and suspicion."""

import time
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from tfadv import attacks as registry
from tfadv import threat as threats
from tfadv import validation
from tfadv.attacks.base import Attack
from tfadv.data.corruptions import check_channels
from tfadv.data.split import Dataset, Split, as_dataset
from tfadv.errors import TfadvError
from tfadv.evaluation import command, corruption, seal
from tfadv.evaluation.adapt import adapt
from tfadv.evaluation.attack_run import AttackRun
from tfadv.evaluation.diagnostics import VERDICT_ONLY, Diagnostics
from tfadv.evaluation.journal import Journal
from tfadv.evaluation.results import EvaluationResult
from tfadv.evaluation.subject import Subject
from tfadv.graph.precision import in_precision
from tfadv.graph.structure import operations
from tfadv.options import BATCH
from tfadv.progress import Progress, as_callable
from tfadv.provenance import provenance
from tfadv.threat import ThreatModel

IN_BLOCKS = "images were judged until the answer was known, which a long proof would outlast"
# What is told before the first attack: a large network is traced and compiled several times until then.
LOOKING = "compiling the network, and looking at its scale, noise and gradients", 0, 1, None


def evaluate(
    model: keras.Model,
    dataset: Dataset | tuple[np.ndarray, np.ndarray],
    *,
    threat: ThreatModel | str,
    attacks: Attack | str | Sequence[Attack | str] | None = None,
    n: int | None = None,
    seed: int = 0,
    batch_size: int = BATCH,
    name: str | None = None,
    path: str | Path | None = None,
    trained_on: str | None = None,
    loaded_by: Sequence[str] = (),
    keep: str | Path | None = None,
    craft_in: str | None = None,
    diagnostics: bool = True,
    corruptions: bool = False,
    any_scale: bool = False,
    subject: Subject | None = None,
    progress: Progress | bool | None = False,
) -> EvaluationResult:
    """Judge a classifier on a data set's test images.

    An attack runs on the images that the model gets right and that no attack before it has broken; robust accuracy
    counts, among all images, those that withstand every attack.

    Args:
        model: a `keras.Model`, images to logits.
        dataset: a `tfadv.data.Dataset`, of which the test split is used, in data order; or images and labels (x, y),
            as `tfadv.data.Split` takes them: (n, h, w, c), uint8 or float in [0, 1], and (n,) ints.
        threat: a `ThreatModel` or its spec, `"linf:8/255"`.
        attacks: attacks or their specs, one or several. None is AutoAttack's standard ensemble; of a random
            model on the expectation over as few draws as its noise allows, or its version for such models where that
            is strong; for a model without gradients the Square attack. Only then further attacks are chosen, by what
            the model is and what these met (docs/judge.md).
        n: judge n images only, evenly spread over the data order, which may be sorted by class.
        seed: of all random starts.
        name, path: of the model, for the result.
        trained_on: the `source` of the data set that the model was trained on, where that is known.
        loaded_by: the options of `tfadv evaluate` with which it finds the model and the data, such as `("--import",
            "layers.py")`, for the line that findings say how to go on with.
        keep: a directory in which to keep what is known after every batch, and at the end the result; the same call
            resumes after an interruption, with the same outcome.
        craft_in: `"bfloat16"`: attacks work on a copy of the model in this precision, which some CPUs compute faster;
            the model itself judges, and what fooled only the copy is attacked again.
        diagnostics: whether distances, curves, a control and the checks follow the verdict.
        corruptions: whether the accuracy under common corruptions is measured too.
        any_scale: judge a model too that is right only about pixels in 0 to 255.
        subject: the `Subject` of the model and these images, if it is known from another evaluation of them.
        progress: True tells what is being done and how long it takes at most; or a callable, see `tfadv.progress`.

    Returns:
        An `EvaluationResult`, which a notebook shows as a table.

    Raises:
        TfadvError: for a model or data that `tfadv.validation` refuses, for a model that wants pixels in 0 to 255, for
            bad specs, and for no attacks at all.

    >>> evaluate(model, datasets.load("cifar10"), threat="linf:8/255", n=1000).robust_accuracy  # doctest: +SKIP
    >>> evaluate(model, (x_test, y_test), threat="linf:8/255").robust_accuracy  # doctest: +SKIP
    """
    started, progress, dataset = time.perf_counter(), as_callable(progress), as_dataset(dataset)
    threat, named = threat_and_attacks(threat, attacks, dataset)
    if corruptions:  # before the attacks, not after them
        check_channels(dataset.test.images.shape[-1])
    subject = subject or looked_at(model, dataset.test.spread(n), progress, batch_size, any_scale)
    traits, members, judge = subject.traits, members_for(subject, threat, named), subject.judge(threat, seed)
    journal = Journal(keep, _identity(subject, judge, members, craft_in))
    crafted_on = in_precision(model, craft_in) if craft_in else None
    run = AttackRun(judge, members, journal=journal, progress=progress, crafted_on=crafted_on)
    known = lambda name, compute: subject.known(f"{name}, {seed}, {subject.images}", compute)  # noqa: E731
    line = command.without_attacks(path, dataset, threat, n, keep, batch_size, any_scale, loaded_by)
    beside = {"seen": _seen(dataset, trained_on), "known": known, "command": line, **_proof(subject, diagnostics)}
    aside = Diagnostics(run, traits, progress=progress, whole=diagnostics, **beside)
    run.estimate.after = sum(aside.todo.values())
    run.run()
    aside.unadapted = "The attacks were given" if named else adapt(run, traits, subject.known)
    facts = aside.facts() if diagnostics else aside.without_checks()
    if corruptions:
        once = lambda name, compute: journal.part(name, lambda: known(name, compute))  # noqa: E731
        facts["corruptions"] = corruption.accuracies(judge, once, progress)
    facts["fingerprints"] = subject.known("fingerprints", lambda: seal.fingerprints(model, path, dataset))
    about = {"name": name or model.name, "path": str(path) if path else None, "parameters": model.count_params()}
    facts |= {"fingerprint": subject.images, "model": about, "provenance": _origin(dataset, seed, started, craft_in)}
    return _finished(_result(run, dataset, **facts), keep, journal)


def looked_at(
    model: keras.Model, split: Split, progress: Progress, batch_size: int = BATCH, any_scale: bool = False
) -> Subject:
    """The `Subject` of a model and these images; what it costs to judge, and that it is compiled, is told first."""
    for remark in remarks(model):
        progress(remark, 0, 0)
    progress(*LOOKING)
    return Subject(model, split, batch_size, any_scale)


def remarks(model: keras.Model) -> list[str]:
    """What layers of a model say about judging it, each once."""
    said = (getattr(layer, "remark", None) for layer in operations(model))
    return [remark for remark in dict.fromkeys(said) if isinstance(remark, str)]


def _finished(result, keep, journal):
    """The result is written before the journal goes: where the disk is full, the same call needs no attack again."""
    if keep:
        result.save(keep)
    journal.close()
    return result


def _origin(dataset, seed, started, craft_in):
    """Where the numbers come from."""
    crafted_in = {"crafted in": craft_in} if craft_in else {}
    seconds = round(time.perf_counter() - started, 1)
    return provenance(seed=seed, seconds=seconds, data_source=dataset.source, **crafted_in)


def _result(run, dataset, *, fingerprint, **facts):
    judge = run.judge
    data = {"name": dataset.name, "source": dataset.source, "split": "test", "n": len(judge.x)}
    return EvaluationResult.of(
        judge.clean, run.robust, judge.y, dataset.class_names,
        dataset=data | {"fingerprint": fingerprint}, threat=str(judge.threat), stochastic=judge.random,
        judge={"batch_size": judge.batch_size, "draws": judge.draws, "jitter": judge.jitter},
        attacks=run.rows, trials=run.trials, gallery=run.gallery(dataset.class_names), fooling=run.fooled(), **facts,
    )  # fmt: skip


def _identity(subject, judge, members, craft_in):
    """All that the outcome depends on."""
    return {
        "model": subject.computes, "images": subject.images, "threat": str(judge.threat), "seed": judge.seed,
        "attacks": [str(member) for member in members], "batch_size": judge.batch_size, "versions": versions(),
        "craft_in": craft_in,
    }  # fmt: skip


def _proof(subject, diagnostics):
    """How something is proven, and why a slow proof is left out."""
    why = IN_BLOCKS if subject.is_part else None if diagnostics else VERDICT_ONLY
    return {"proof_method": subject.proof_method, "slow_proof": why}


def _seen(dataset, trained_on):
    """Whether the model was trained on the judged images: True, False, or None where nothing is known."""
    if dataset.same_split is False:
        return False
    return None if None in (dataset.same_split, trained_on) else trained_on == dataset.source


def threat_and_attacks(threat, attacks, dataset):
    """A threat model that fits the images, and the attacks that were named, or None; all else is refused."""
    threat = threats.parse(threat) if isinstance(threat, str) else threat
    if not threat.eps > 0:
        raise TfadvError(f"an evaluation needs an eps above 0, received {threat}; write e.g. linf:8/255.")
    named = _attacks(attacks)
    validation.radius(threat, dataset.test.images.shape[1:])
    return threat, named


def members_for(subject, threat, named):
    """The single attacks that judge a `Subject`, those named or its default ones; what cannot run is refused."""
    members = chosen(named or subject.traits.default_attacks(threat.norm), threat, subject.classes)
    subject.traits.check(members, subject.model, subject.x)
    return members


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
