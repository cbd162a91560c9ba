"""What a verification looks at, one function a step: each says what it found, or raises `Failed`."""

import functools
from pathlib import Path

import keras
import numpy as np

from tfadv import runs, validation
from tfadv import threat as threats
from tfadv.data import datasets
from tfadv.data.split import Dataset
from tfadv.errors import TfadvError
from tfadv.evaluation import results, seal
from tfadv.evaluation.judge import Judge
from tfadv.evaluation.results import EvaluationResult
from tfadv.models import classifier
from tfadv.provenance import digest, fingerprint

# Two logits that are nearer to each other than this share of the spread of all are a tie: another processor, or another
# number of images at a time, rounds them to another order.
TIE = 1e-3
# How far a number that is computed again may be from the one before.
ROUNDING = 1e-5


# What an evaluation keeps of each image.
EVIDENCE = {"clean", "robust", "labels", "broken_by", "distance"}


class Failed(Exception):
    """A check failed, and what follows it cannot be looked at."""


class Work:
    """What the checks hand on to each other."""

    def __init__(self, directory, model, dataset, data_dir):
        self.directory, self.model, self.dataset, self.data_dir = directory, model, dataset, data_dir
        self.recorded, self.recomputed, self.sums = {}, {}, None
        self.result = self.x = self.y = None
        self.ties = np.zeros(0, int)  # images where rounding decides

    @functools.cached_property
    def judge(self):
        return Judge(self.model, self.x, self.y, self.threat, **self.result.judge)

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
    def still_right(self):
        """At which of the kept images the model is right, (k,) bool."""
        return self.judge.correct(self.x_adv, self.at) if len(self.at) else np.zeros(0, bool)


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
        EVIDENCE.issubset(work.result.arrays) and work.result.fooling
    ):
        raise TfadvError(f"{str(work.directory)!r} holds no evidence to verify: evaluate again with --out.")
    work.sums = digest(work.directory / runs.SUMS)
    work.recorded = {"clean": work.result.clean_accuracy, "robust": work.result.robust_accuracy}
    return f"all are as `tfadv evaluate` wrote them; the sha256 of {runs.SUMS} is {work.sums}"


def numbers_follow(work):
    """The numbers in result.json follow from the outcomes in per_example.npz."""
    result, by = work.result, work.result.arrays["broken_by"]
    names = [row["name"] for row in result.class_accuracy]
    facts = {"model": result.model, "dataset": result.dataset, "threat": result.threat}
    again = EvaluationResult.of(*(result.arrays[key] for key in ("clean", "robust", "labels")), names, **facts)
    for key in ("clean_accuracy", "robust_accuracy", "clean_interval", "robust_interval", "class_accuracy"):
        if getattr(again, key) != getattr(result, key):
            raise Failed(f"{key} does not follow from the outcomes of the images")
    left = result.arrays["clean"].sum()
    for place, row in enumerate(result.attacks):
        count = (by == place).sum()
        left -= count
        if row["fooled"] != count or abs(row["accuracy"] - left / by.size) > ROUNDING:
            raise Failed(
                f"{row['attack']} fooled {count:,} images and left {left:,}, which is not what the result says"
            )
    fooled = np.flatnonzero(result.arrays["clean"] & ~result.arrays["robust"])
    if not (np.array_equal(work.at, fooled) and np.array_equal(fooled, np.flatnonzero(by >= 0))):
        raise Failed("there is not one image in fooling.npz for each that is said to be fooled")
    return f"accuracies, intervals, classes and attacks agree with {len(by):,} outcomes, {len(fooled):,} of them fooled"


def data_are_the_same(work):
    """The images and labels are those that were judged."""
    result = work.result
    data = work.dataset or result.dataset["name"]
    try:
        if not isinstance(data, Dataset):
            _same_file(Path(data).expanduser(), result.fingerprints["data"], "data set", "--dataset")
            data = datasets.load(data, work.data_dir)
        judged = result.arrays.get("image")
        split = data.test.spread(result.dataset["n"]) if judged is None else data.test.select(judged)
        work.x, work.y = split.x, validation.labels(split.y, len(split))
    except TfadvError as error:
        raise Failed(f"{error} Name the data set with --dataset.") from error
    same = np.array_equal(work.y, result.arrays["labels"])
    if not same or fingerprint(work.x, work.y) != result.dataset["fingerprint"]:
        raise Failed(f"{data.name} has other test images or labels than those that were judged")
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


def clean_outcomes_agree(work):
    """The model is right on the same clean images."""
    clean, arrays = work.judge.clean, work.result.arrays
    work.recomputed["clean"] = float(clean.mean())
    if work.judge.random:
        return _in_interval("clean", work)
    differ = np.flatnonzero(clean != arrays["clean"])
    ties = _ties(work.judge.clean_logits[differ], work.y[differ])
    if not ties.all():
        raise Failed(f"the model answers otherwise than recorded on {(~ties).sum():,} clean images")
    work.ties = differ
    return f"{clean.mean():.2%} of {len(clean):,} clean images are right, as recorded{_but(differ)}"


def images_are_allowed(work):
    """Each image that fooled lies in the ball and in the box, as far from the clean one as recorded."""
    at, x_adv, arrays = work.at, work.x_adv, work.result.arrays
    if x_adv.shape != (len(at), *work.x.shape[1:]) or x_adv.dtype != np.float32:
        raise Failed(f"fooling.npz holds {x_adv.dtype} images of shape {x_adv.shape}")
    inside = work.threat.contains(x_adv, work.x[at]).numpy() if len(at) else np.zeros(0, bool)
    if not inside.all():
        raise Failed(f"{(~inside).sum():,} of {len(at):,} images lie outside {work.result.threat}")
    far = work.threat.distance(x_adv, work.x[at]).numpy() if len(at) else np.zeros(0)
    if not np.allclose(far, arrays["distance"][at], rtol=ROUNDING, atol=ROUNDING):
        raise Failed("the images are not as far from the clean ones as recorded")
    return f"all {len(at):,} lie within {work.result.threat} and between black and white"


def images_fool(work):
    """Each image that is said to fool the model does."""
    right = work.still_right
    if work.judge.random:
        return f"{(~right).sum():,} of {len(right):,} fool it in a new majority of {work.judge.draws} random passes"
    back = np.flatnonzero(right)
    ties = _ties(work.judge.logits(work.x_adv[back]), work.y[work.at[back]]) if back.size else np.ones(0, bool)
    if not ties.all():
        raise Failed(f"the model is right on {(~ties).sum():,} of the {len(right):,} images that are said to fool it")
    work.ties = np.union1d(work.ties, work.at[back])
    return f"all {len(right):,} fool the model{_but(back)}"


def robust_accuracy_follows(work):
    """The robust accuracy is the share of images that are right and for which nothing that fools was kept."""
    robust = work.judge.clean.copy()
    robust[work.at] &= work.still_right
    work.recomputed["robust"] = float(robust.mean())
    if work.judge.random:
        return _in_interval("robust", work)
    differ = np.flatnonzero(robust != work.result.arrays["robust"])
    if np.setdiff1d(differ, work.ties).size:
        raise Failed(
            f"{robust.mean():.2%} follow from the images, and the result says {work.result.robust_accuracy:.2%}"
        )
    return f"at most {work.result.robust_accuracy:.2%}: so many withstood the attacks{_but(differ)}"


def _in_interval(which, work):
    value, (low, high) = work.recomputed[which], getattr(work.result, f"{which}_interval")
    where = f"the recorded interval, {low:.2%} to {high:.2%}"
    if not low <= value <= high:
        raise Failed(f"the model is random, and this time {value:.2%} lies outside {where}")
    return f"the model is random: this time {value:.2%}, inside {where}"


def _ties(z, y):
    """Where the logit of the label and the largest other are a tie, (k,) bool."""
    own = np.arange(len(y)), y
    others = z.copy()
    others[own] = -np.inf
    return np.abs(z[own] - others.max(axis=1, initial=-np.inf)) <= TIE * np.ptp(z, axis=1)


def _but(ties):
    n = len(ties)
    return f", but for {n:,} tie{'s' if n > 1 else ''} of two logits, which rounding decides" if n else ""


STEPS = {
    "files": files_are_unaltered,
    "numbers": numbers_follow,
    "data": data_are_the_same,
    "model": model_is_the_same,
    "clean accuracy": clean_outcomes_agree,
    "ball and box": images_are_allowed,
    "each image fools": images_fool,
    "robust accuracy": robust_accuracy_follows,
}
# Without these nothing after them can be looked at.
NEEDED = (files_are_unaltered, numbers_follow, data_are_the_same, model_is_the_same)
