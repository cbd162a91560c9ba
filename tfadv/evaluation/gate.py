"""Is at least this share of a data set's images robust? Judged in random order, and no longer than the answer takes."""

import dataclasses
import functools
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tfadv.data.split import Dataset, as_dataset, spread_over
from tfadv.errors import invalid
from tfadv.evaluation.certificates import Certificate
from tfadv.evaluation.confidence_sequence import Requirement
from tfadv.evaluation.estimate import work
from tfadv.evaluation.evaluate import evaluate, looked_at, members_for, threat_and_attacks
from tfadv.evaluation.merge import merged, worst_checks
from tfadv.evaluation.partial_results import PartialResults
from tfadv.evaluation.results import EvaluationResult
from tfadv.evaluation.statistics import wilson
from tfadv.options import BATCH
from tfadv.progress import Progress, as_callable
from tfadv.provenance import fingerprint
from tfadv.threat import ThreatModel

# Right images of the first block, which the checks look at too, and of the smallest one after it; the others are a
# quarter of what was seen, so that few images are judged once the answer could be known.
FIRST, LEAST, GROWTH = 128, 64, 1 / 4


def at_least(
    model: keras.Model,
    dataset: Dataset | tuple[np.ndarray, np.ndarray],
    share: float,
    *,
    threat: ThreatModel | str,
    n: int | None = None,
    seed: int = 0,
    batch_size: int = BATCH,
    keep: str | Path | None = None,
    progress: Progress | bool | None = False,
    diagnostics: bool = True,
    **options: Any,
) -> EvaluationResult:
    """Judge images in random order until it is known whether the robust accuracy on all of them is at least `share`.

    After every block of images its 95 % interval is looked at (`tfadv.evaluation.confidence_sequence`): however many
    blocks there are, the answer is wrong in at most 5 % of all cases, and it is exact where all images were needed.
    Images that the model gets wrong without an attack are known from one pass each; only the others are drawn from.
    Where a proof may answer the question, as it certifies about that share of the judged images or is exact, and takes
    no longer than the attacks on 64 images, it is made of all images: at least so many are robust, for certain.
    Where a check of the first block finds an error, or a proof is contradicted in any, the answer is no.

    Args:
        share: above 0, at most 1.
        n: ask about n images only, evenly spread over the data order.
        seed: of the order, and of the attacks.
        keep: a directory in which finished blocks are kept, and at the end the result; the same call goes on after an
            interruption.
        diagnostics: whether distances, curves and checks are made, from the first block.
        options: those of `evaluate`, which judges each block.

    Returns:
        The `EvaluationResult` of the judged images. `gate` holds the share `at_least`, whether it `holds`, the
        `interval` of the robust accuracy on all `of` images, and how many of them are `proven` robust, None where that
        was not asked; `arrays["image"]` (n,) which test images were judged.

    Raises:
        TfadvError: for a share outside of (0, 1], and as `evaluate`.

    >>> at_least(model, datasets.load("cifar10"), 0.5, threat="linf:8/255").gate["holds"]  # doctest: +SKIP
    True
    """
    if isinstance(share, bool | str) or not 0 < share <= 1:
        raise invalid("at_least", "a share above 0 and at most 1", share, "write e.g. 0.5, or 50% on the command line.")
    if options.get("corruptions"):
        raise invalid("at_least", "no corruptions beside it, as it judges some images only", "corruptions=True")
    progress, dataset = as_callable(progress), as_dataset(dataset)
    places = drawn(len(dataset.test), len(dataset.test) if n is None else n, seed)
    split = dataset.test.select(places)
    asked = {"threat": str(threat), "seed": seed, "batch_size": batch_size, "diagnostics": diagnostics, **options}
    subject = looked_at(model, split, progress, batch_size, options.get("any_scale", False))
    kept = PartialResults(keep, subject, asked)
    question, parts, end = Question(share, _candidates(subject)), [], 0
    while not parts or (_sound(parts) and question.answer(parts) is None):
        begin, end = end, block_end(question.candidates, end, batch_size)
        part = dataclasses.replace(dataset, test=split.select(slice(begin, end)))
        given = {"threat": threat, "seed": seed, "batch_size": batch_size, "progress": progress, **options}
        given |= {"diagnostics": diagnostics and not parts, "subject": subject.only(slice(begin, end))}
        parts.append(kept.result(f"{len(parts):03}", functools.partial(evaluate, model, part, **given)))
        if subject.certificate is None and question.answer(parts) is None and _proof_may_answer(parts, share):
            asked_of = threat_and_attacks(threat, options.get("attacks"), dataset)
            subject.certificate = _certificate(subject, *asked_of, seed, progress)
            question = dataclasses.replace(question, certificate=subject.certificate)
    result = _whole(parts, dataset, places[:end], question)
    if keep:
        result.save(keep)
    kept.close()
    return result


@dataclasses.dataclass(frozen=True, eq=False)
class Question:
    """Whether at least a `share` of all images is robust, and what is known before any attack.

    Attributes:
        candidates: which images may be robust, in the order in which they are judged, (n,) bool.
        certificate: the `Certificate` of all of them, where it is known: so many are robust at least, and where it is
            exact no more.
    """

    share: float
    candidates: np.ndarray
    certificate: Certificate | None = None

    @functools.cached_property
    def open(self):
        """Which images are drawn from, (n,) bool: none where the answer is known without."""
        exact = self.certificate is not None and self.certificate.exact
        return np.zeros_like(self.candidates) if exact else self.candidates

    @functools.cached_property
    def needs(self):
        """The `Requirement`."""
        proven = 0 if self.certificate is None else int(self.certificate.certified.sum())
        return Requirement(self.share, of=len(self.open), candidates=int(self.open.sum()), proven=proven)

    def seen(self, robust):
        """How many open images were robust, and how many were judged, given those that were robust, (k,) bool."""
        return int((robust & self.open[: len(robust)]).sum()), int(self.open[: len(robust)].sum())

    def answer(self, parts):
        """True, False, or None where it is not known yet."""
        return self.needs.holds(*self.seen(_robust(parts)))


def _robust(parts):
    return np.concatenate([part.arrays["robust"] for part in parts])


def _proof_may_answer(parts, share):
    """Whether enough images may be certified, as those are that were judged, or their certificate is exact."""
    proof = next((part.certificate for part in parts if part.certificate), None)
    if proof is None or proof["confidence"] or not all("certified" in part.arrays for part in parts):
        return False
    certified = np.concatenate([part.arrays["certified"] for part in parts])
    return proof["exact"] or wilson(int(certified.sum()), len(certified))[1] >= share


def _certificate(subject, threat, named, seed, progress):
    """The `Certificate` of all images, if it takes no longer than attacks on the smallest block may; else None."""
    judge = subject.judge(threat, seed)
    method = subject.proof_method(judge)
    attacks = sum(work(*member.cost(subject.classes)) for member in members_for(subject, threat, named))
    if isinstance(method, str) or len(subject.x) * work(*method.passes) > LEAST * attacks:
        return None
    tell = lambda what, done, total: progress("proof of all images", done, total)  # noqa: E731
    tell("", 0, len(subject.x))
    return method.prove(judge, tell, np.flatnonzero(subject.clean))


def drawn(of: int, n: int, seed: int) -> np.ndarray:
    """The places of n images, evenly spread over `of`, in random order."""
    places = spread_over(of, n)
    return places[np.random.RandomState(seed % 2**32).permutation(len(places))]


def _candidates(subject):
    """Which images may be robust, (n,) bool: those that the model gets right; all, if it answers at random."""
    return np.ones(len(subject.x), bool) if subject.traits.random else subject.clean


def block_end(candidates, begin, batch_size):
    """Where the block that begins there ends: after so many candidates."""
    seen = candidates[:begin].sum()
    size = min(batch_size, max(LEAST, int(GROWTH * seen)) if begin else FIRST)
    ahead = np.flatnonzero(candidates[begin:])
    return begin + int(ahead[size - 1]) + 1 if len(ahead) > size else len(candidates)


def _sound(parts):
    """Whether no check found an error: those of the first block, and whether a proof is contradicted of each."""
    return all(finding["severity"] != "error" for part in parts for finding in part.findings)


def _whole(parts, dataset, places, question):
    split = dataset.test.select(places)
    data = parts[0].dataset | {"n": len(split), "fingerprint": fingerprint(split.x, split.y)}
    origin = parts[0].provenance | {"seconds": round(sum(part.provenance["seconds"] for part in parts), 1)}
    needs, proven = question.needs, None if question.certificate is None else question.needs.proven
    gate = {
        "at_least": needs.share,
        "holds": bool(question.answer(parts)) and _sound(parts),
        "interval": needs.interval(*question.seen(_robust(parts))),
        "of": needs.of,
        "proven": proven,
    }
    facts = {"dataset": data, "provenance": origin, "gate": gate, **_checked(parts)}
    whole = merged(parts, dataset.class_names, **facts)
    return dataclasses.replace(whole, arrays=whole.arrays | {"image": places})


def _checked(parts):
    """Checks and findings of the first block, but for its size: the interval says what few images tell.

    An error of a later block is a proof that is contradicted there; no block comes after it.
    """
    errors = [finding for part in parts[1:] for finding in part.findings if finding["severity"] == "error"]
    findings = errors + [finding for finding in parts[0].findings if finding["code"] != "few_images"]
    skipped = {"outcome": "skipped", "reason": "images were judged until the answer was known"}
    checks = [check | (skipped if check["code"] == "few_images" else {}) for check in worst_checks(parts)]
    return {"findings": findings, "checks": checks or None}
