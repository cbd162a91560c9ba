"""The classifier that a command is about, with the data and the threat model that belong to it."""

import contextlib
import shlex
from dataclasses import dataclass
from pathlib import Path

from tfadv import runs
from tfadv.errors import TfadvError
from tfadv.models import classifier, saved_model

# What is asked most often of images of 8 bits.
USUAL = "linf:8/255"


@dataclass(frozen=True)
class Target:
    """What was asked for, completed by what `tfadv train` recorded; nothing is loaded yet.

    Attributes:
        path: the `.keras` file, or the directory of a SavedModel.
        home: the directory where results about it go by default.
        record: train.json of its run, or {}.
        dataset, threat: specs; threat may be None.
    """

    path: Path
    home: Path
    record: dict
    dataset: str | None = None
    threat: str | None = None

    @property
    def name(self):
        return self.home.resolve().name

    def load(self):
        """The Keras model. Slow, as it imports TensorFlow."""
        return classifier.load(self.path)

    def load_dataset(self, data_dir):
        from tfadv.data import datasets

        if not self.dataset:
            raise TfadvError(f"{str(self.path)!r} is not from a run of `tfadv train`: name the data with --dataset.")
        return datasets.load(self.dataset, data_dir)


def choose(model, dataset=None, threat=None):
    """Find a run directory, a `.keras` file or a SavedModel; what is not given, the record of its training tells.

    Raises:
        TfadvError: if there is no such model.
    """
    path = classifier.find(model)
    record = classifier.training_of(path)
    of_run = path.name == runs.MODEL and (record or Path(model).is_dir())
    home = path.parent if of_run else Path("runs") / _name_of(path)
    settings = record.get("settings", {})
    trained = settings.get("threat")
    # A network that was trained under several threat models is judged under one: the user says which.
    threat = threat or (trained if isinstance(trained, str) else None)
    return Target(path, home, record, dataset or settings.get("dataset"), threat)


def _name_of(path):
    """What to call a model that is not from a run: its file, or its folder if the file is called model.keras."""
    if path.is_dir():
        return saved_model.name(path)
    return path.resolve().parent.name if path.name == runs.MODEL else path.stem


def needs_threat(subject):
    """Raises TfadvError if neither the command nor the run says what the attacker may do."""
    if not subject.threat:
        raise TfadvError(f"say what the attacker may do with --threat, e.g. --threat {USUAL}.")


def threats_to_name(record):
    """The options that `tfadv evaluate` needs for a run: the one threat model of a training it finds by itself."""
    trained = record.get("settings", {}).get("threat")
    return [] if isinstance(trained, str) else [f"--threat {shown(threat)}" for threat in trained or [USUAL]]


def shown(path):
    """A path as it can be pasted into a shell."""
    return shlex.quote(str(path))


def results_of(subject, threats, aside=None):
    """The directory of results by default: the run's own, or a folder in it if another threat's result is there.

    Args:
        aside: the folder in it, `"quick"`, of what never takes the place of a whole verdict; None of a whole verdict.
    """
    from tfadv import threat
    from tfadv.evaluation import results

    stored, folder = subject.home / runs.RESULT, subject.home
    if folder.resolve() != subject.path.resolve().parent and (folder / runs.MODEL).exists():
        raise TfadvError(f"{shown(folder)} is the run of another model: say where results go with --out.")
    names = [str(threat.parse(each)) for each in threats]
    if len(names) > 1 or (stored.is_file() and _threat_of(stored) != names[0]):
        folder /= "+".join(map(results.folder, names))
    return folder / aside if aside else folder


def _threat_of(stored):
    """The threat model of a stored result; None of one that cannot be read, which is left as it is."""
    from tfadv.evaluation import results

    with contextlib.suppress(TfadvError):
        return getattr(results.load(stored), "threat", None)
    return None
