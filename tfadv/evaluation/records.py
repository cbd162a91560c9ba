"""What a verification reads: the files, numbers, data and model of a result, each as it was recorded."""

import functools
from pathlib import Path

import keras
import numpy as np

from tfadv import runs, validation
from tfadv import threat as threats
from tfadv.data import datasets
from tfadv.data.split import Dataset
from tfadv.errors import TfadvError
from tfadv.evaluation import results, revote, seal
from tfadv.evaluation.attack_rows import attack_row, distances
from tfadv.evaluation.judge import Judge
from tfadv.evaluation.results import EvaluationResult
from tfadv.models import classifier
from tfadv.provenance import digest, fingerprint

# How far a number that is computed again may be from the one before.
ROUNDING = 1e-5
# What an evaluation keeps of each image.
EVIDENCE = {"clean", "robust", "labels", "broken_by", "distance"}


class Failed(Exception):
    """A check failed, and what follows it cannot be looked at."""


class Work:
    """What was asked for, and what the steps find and hand on to those after them.

    Attributes:
        directory, model, dataset, data_dir: as `verify` takes them; `model` becomes the loaded classifier.
        result: the `EvaluationResult`, from the first step on; sums: the sha256 of its SHA256SUMS.
        test: the test split of the data; x, y: the judged images and labels of it.
        robust: which judged images are right, when clean and in the form that was kept, (n,) bool.
        ties: the judged images where rounding decides, ints.
        recorded, recomputed: accuracies, as in a `Verification`.
    """

    def __init__(self, directory, model, dataset, data_dir):
        self.directory, self.model, self.dataset, self.data_dir = directory, model, dataset, data_dir
        self.result = self.sums = self.test = self.x = self.y = self.robust = None
        self.ties = np.zeros(0, int)
        self.recorded, self.recomputed = {}, {}

    @functools.cached_property
    def judge(self):
        options = {name: self.result.judge[name] for name in ("batch_size", "draws", "jitter")}
        return Judge(self.model, self.x, self.y, self.threat, **options)

    @functools.cached_property
    def threat(self):
        return threats.parse(self.result.threat)

    @functools.cached_property
    def at(self):
        """Which of the judged images the kept ones take the place of."""
        return self.result.fooling["image"]

    @functools.cached_property
    def x_adv(self):
        return self.result.fooling["x_adv"]

    @functools.cached_property
    def clean_votes(self):
        """`Fresh` votes of a random model on the clean images."""
        return revote.fresh(self.judge, self.x, np.arange(len(self.x)), self.result.arrays["clean"], attacked=False)


def files_are_unaltered(work):
    """The files have the digests that were written beside them."""
    if not (work.directory / runs.RESULT).is_file():
        results.load(work.directory)  # says what is expected there
    if changed := seal.altered(work.directory):
        raise Failed(f"{', '.join(changed)} is not as `tfadv evaluate` wrote it")
    try:
        work.result = results.load(work.directory)
    except TfadvError as error:
        raise Failed(str(error)) from error
    if not isinstance(work.result, EvaluationResult):
        raise TfadvError(f"{str(work.directory)!r} is an experiment: verify takes what `tfadv evaluate` wrote.")
    if None in (work.result.fingerprints, work.result.judge) or not (
        EVIDENCE.issubset(work.result.arrays) and {"x_adv", "image"}.issubset(work.result.fooling)
    ):
        raise TfadvError(f"{str(work.directory)!r} holds no evidence to verify: evaluate again with --out.")
    work.sums = digest(work.directory / runs.SUMS)
    work.recorded = {"clean": work.result.clean_accuracy, "robust": work.result.robust_accuracy}
    return f"all are as `tfadv evaluate` wrote them; the sha256 of {runs.SUMS} is {work.sums}"


def numbers_follow(work):
    """The numbers in result.json follow from the outcomes in per_example.npz."""
    result, arrays = work.result, work.result.arrays
    if min(result.judge["batch_size"], result.judge["draws"]) < 1:
        raise Failed("nothing is judged by no pass or in batches of no image")
    _accuracies_follow(result)
    _attacks_follow(result)
    fooled = np.flatnonzero(arrays["clean"] & ~arrays["robust"])
    if not (np.array_equal(work.at, fooled) and np.array_equal(fooled, np.flatnonzero(arrays["broken_by"] >= 0))):
        raise Failed("there is not one image in fooling.npz for each that is said to be fooled")
    n = len(arrays["clean"])
    return f"accuracies, intervals, classes and attacks agree with {n:,} outcomes, {len(fooled):,} of them fooled"


def _accuracies_follow(result):
    names = [row["name"] for row in result.class_accuracy]
    facts = {"model": result.model, "dataset": result.dataset, "threat": result.threat}
    again = EvaluationResult.of(*(result.arrays[key] for key in ("clean", "robust", "labels")), names, **facts)
    for key in ("clean_accuracy", "robust_accuracy", "clean_interval", "robust_interval", "class_accuracy"):
        if getattr(again, key) != getattr(result, key):
            raise Failed(f"{key} does not follow from the outcomes of the images")


def _attacks_follow(result):
    clean, by, distance = (result.arrays[key] for key in ("clean", "broken_by", "distance"))
    again = [(row["attack"], row, attack_row(k, clean, by, distance)) for k, row in enumerate(result.attacks)]
    if norms := result.norms:
        again.append(("norms", norms, distances(distance[by >= 0]) or dict.fromkeys(norms)))
    for name, recorded, found in again:
        for key in found:
            if not _agree(recorded[key], found[key]):
                raise Failed(f"{name}: {key.replace('_', ' ')} does not follow from the outcomes of the images")


def _agree(recorded, found):
    """Whether two numbers, or two intervals, are the same but for rounding; None agrees with None alone."""
    if recorded is None or found is None:
        return recorded is found
    return np.shape(recorded) == np.shape(found) and np.allclose(recorded, found, rtol=ROUNDING, atol=ROUNDING)


def data_are_the_same(work):
    """The images and labels are those that were judged."""
    result = work.result
    data = work.dataset or result.dataset["name"]
    try:
        if not isinstance(data, Dataset):
            _same_file(Path(data).expanduser(), result.fingerprints["data"], "data set", "--dataset")
            data = datasets.load(data, work.data_dir)
        judged = result.arrays.get("image")
        work.test = data.test
        if judged is not None and not 0 <= judged.min() <= judged.max() < len(data.test):
            raise TfadvError(f"{data.name} has {len(data.test):,} test images, and others were judged.")
        split = data.test.spread(result.dataset["n"]) if judged is None else data.test.select(judged)
        work.x, work.y = split.x, validation.labels(split.y, len(split))
    except TfadvError as error:
        raise Failed(f"{error} Name the data set with --dataset.") from error
    same = np.array_equal(work.y, result.arrays["labels"])
    if not same or fingerprint(work.x, work.y) != result.dataset["fingerprint"]:
        raise Failed(f"{data.name} has other test images or labels than those that were judged")
    if work.x_adv.shape != (len(work.at), *work.x.shape[1:]) or work.x_adv.dtype != np.float32:
        raise Failed(f"fooling.npz holds {work.x_adv.dtype} images of shape {work.x_adv.shape}, which are not of these")
    return f"the {len(work.y):,} images and labels of {data.name} are those that were judged"


def model_is_the_same(work):
    """The model's file and its weights are those that were judged."""
    result = work.result
    if not isinstance(work.model, keras.Model):
        try:
            path = classifier.find(work.model or _where_it_was(work))
            _same_file(path, result.fingerprints["model"], "model", "--model")
            work.model = classifier.load(path)
        except TfadvError as error:
            raise Failed(f"{error} Name the model with --model.") from error
    if fingerprint(*work.model.get_weights()) != result.fingerprints["weights"]:
        raise Failed("the model has other weights than the one that was judged")
    return f"its {result.model['parameters'] or 0:,} weights are those that were judged"


def _where_it_was(work):
    """Where the model was when it was judged; in the directory of the result, if that has been moved."""
    path = work.result.model["path"]
    return path if path and Path(path).exists() else work.directory


def _same_file(path, recorded, what, option):
    """Raises Failed if there is a file or a folder, and it is not the one with the recorded digest."""
    if recorded and path.exists() and digest(path) != recorded:
        raise Failed(f"{str(path)!r} is not the {what} that was judged, its sha256 differs; name another with {option}")
