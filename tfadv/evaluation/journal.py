"""What a long evaluation has found so far, on disk after every batch, so that an interruption loses one batch."""

import contextlib
import json
from pathlib import Path

from tfadv import files, runs


class Journal:
    """Arrays and facts of one evaluation, under its identity; nothing is written where `directory` is None.

    Args:
        directory: of the evaluation's results.
        identity: a mapping of all that the outcome depends on; what another evaluation left is not read.
    """

    def __init__(self, directory, identity):
        self.path = None if directory is None else Path(directory) / runs.PARTIAL
        self.identity = json.dumps(files.plain(identity), sort_keys=True)

    def read(self):
        """(facts, arrays) as last written by an evaluation of this identity, or None."""
        if self.path is None:
            return None
        try:
            arrays = files.read_npz(self.path, "evaluate again")
            if str(arrays.pop("identity")) != self.identity:
                return None
            return json.loads(str(arrays.pop("facts"))), arrays
        except (ValueError, KeyError):  # Half a file or none: the evaluation begins anew, as it would have without.
            return None

    def write(self, facts, arrays):
        if self.path is not None:
            files.write_npz(self.path, identity=self.identity, facts=json.dumps(files.plain(facts)), **arrays)

    def close(self):
        """The evaluation is complete."""
        if self.path is not None:
            with contextlib.suppress(OSError):
                self.path.unlink()
