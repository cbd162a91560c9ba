"""What a long evaluation has found so far, on disk after every batch, so that an interruption loses one batch."""

import contextlib
import hashlib
import json
import zipfile
import zlib
from pathlib import Path

import numpy as np

from tfadv import files

NAME = "evaluation.partial.npz"
DAMAGED = (OSError, ValueError, KeyError, EOFError, AttributeError, zipfile.BadZipFile, zlib.error)


class Journal:
    """Arrays and facts of one evaluation, under its identity; nothing is written where `directory` is None.

    Args:
        directory: of the evaluation's results.
        identity: a mapping of all that the outcome depends on; what another evaluation left is not read.
    """

    def __init__(self, directory, identity):
        self.path = None if directory is None else Path(directory) / NAME
        self.identity = json.dumps(files.plain(identity), sort_keys=True)

    def read(self):
        """(facts, arrays) as last written by an evaluation of this identity, or None."""
        if self.path is None:
            return None
        try:
            with open(self.path, "rb") as stream, np.load(stream, allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
            if str(arrays.pop("identity")) != self.identity:
                return None
            return json.loads(str(arrays.pop("facts"))), arrays
        except DAMAGED:  # Half a file or none: the evaluation begins anew, as it would have without.
            return None

    def write(self, facts, arrays):
        if self.path is not None:
            files.write_npz(self.path, identity=self.identity, facts=json.dumps(files.plain(facts)), **arrays)

    def close(self):
        """The evaluation is complete."""
        if self.path is not None:
            with contextlib.suppress(OSError):
                self.path.unlink()


def fingerprint(*arrays):
    """sha256 over arrays, their types and shapes: whether two evaluations saw the same images."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
