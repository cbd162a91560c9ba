"""What a long evaluation has found so far, on disk after every batch and every part: an interruption loses one."""

import contextlib
import json
import shutil
from pathlib import Path

from tfadv import files, runs
from tfadv.errors import TfadvError


class Journal:
    """Arrays and facts of one evaluation, under its identity; nothing is written where `directory` is None.

    The attacks `write` their state after each batch, over the one before; what is large and does not change any more
    they `keep`, each batch in a file of its own. What follows them consists of parts, which are kept beside the state,
    each under its name.

    Args:
        directory: of the evaluation's results.
        identity: a mapping of all that the outcome depends on; what another evaluation left is not read.
    """

    def __init__(self, directory, identity):
        self.path = None if directory is None else Path(directory) / runs.PARTIAL
        self.batches = None if directory is None else Path(directory) / runs.PARTIAL_BATCHES
        self.identity = json.dumps(files.plain(identity), sort_keys=True)
        self.facts, self.arrays, self.parts = {}, {}, {}

    def read(self):
        """(facts, arrays) as last written by an evaluation of this identity, or None."""
        if self.path is None:
            return None
        try:
            arrays = files.read_npz(self.path, "evaluate again")
            if str(arrays.pop("identity")) != self.identity:
                return None
            self.parts = json.loads(str(arrays.pop("parts")))
            self.facts, self.arrays = json.loads(str(arrays.pop("facts"))), arrays
            return self.facts, self.arrays
        except (ValueError, KeyError):  # Half a file or none: the evaluation begins anew, as it would have without.
            return None

    def keep(self, number, **arrays):
        """Keep the arrays of a batch. They count once a state was written that knows of them."""
        if self.batches is not None:
            files.write_npz(self._batch(number), level=0, identity=self.identity, **arrays)

    def kept(self, number):
        """The arrays of a batch of an evaluation of this identity. Raises KeyError where there are none."""
        try:
            arrays = files.read_npz(self._batch(number), "evaluate again")
        except TfadvError as error:
            raise KeyError(number) from error
        if str(arrays.pop("identity")) != self.identity:
            raise KeyError(number)
        return arrays

    def _batch(self, number):
        return self.batches / f"{number:06d}.npz"

    def write(self, facts, arrays):
        """Keep the state of the attacks."""
        self.facts, self.arrays = files.plain(facts), arrays
        self._save()

    def part(self, name, compute):
        """What `compute` returns, in JSON's types; what has been kept under this name is not computed again."""
        if name not in self.parts:
            self.parts[name] = files.plain(compute())
            self._save()
        return self.parts[name]

    def _save(self):
        if self.path is not None:
            texts = {"facts": json.dumps(self.facts), "parts": json.dumps(self.parts)}
            files.write_npz(self.path, identity=self.identity, **texts, **self.arrays)

    def close(self):
        """The evaluation is complete."""
        if self.path is not None:
            with contextlib.suppress(OSError):
                self.path.unlink()
            shutil.rmtree(self.batches, ignore_errors=True)
