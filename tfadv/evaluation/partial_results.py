"""Results that are parts of a longer evaluation, on disk until it is complete: an interruption loses none of them."""

import contextlib
import dataclasses
import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tfadv.errors import TfadvError
from tfadv.evaluation import results
from tfadv.evaluation.evaluate import versions
from tfadv.evaluation.results import EvaluationResult
from tfadv.evaluation.subject import Subject


class PartialResults:
    """Evaluations of one model on one split, each kept as soon as it is finished, in a folder of their own.

    Args:
        keep: a directory; None keeps nothing.
        subject: the model and the images.
        asked: what else the outcomes depend on; what was kept under another digest of it all is not read.
    """

    def __init__(self, keep: str | Path | None, subject: Subject, asked: dict[str, Any]):
        text = json.dumps([subject.computes, subject.images, asked, versions()], default=str, sort_keys=True)
        self.folder = Path(keep) / f"parts-{hashlib.sha256(text.encode()).hexdigest()[:12]}" if keep else None
        for other in Path(keep).glob("parts-*") if keep else ():  # of another question, or another model
            if other != self.folder:
                shutil.rmtree(other, ignore_errors=True)

    def result(self, name: str, compute: Callable[..., EvaluationResult]) -> EvaluationResult:
        """What was kept under this name, or what `compute(keep=...)` returns: `evaluate`, all else given."""
        if self.folder is None:
            return compute(keep=None)
        folder = self.folder / name
        with contextlib.suppress(TfadvError):  # There is none, or it was not finished.
            found = results.load(folder)
            # Read now: the folder does not outlive the parts.
            return dataclasses.replace(found, fooling=dict(found.fooling), directory=None)
        return compute(keep=folder)

    def close(self) -> None:
        """The whole is complete."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)
