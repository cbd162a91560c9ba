"""What a study has measured so far, on disk, one file a network and measure: an interruption loses one measure.

OUT/measured/SEED/NETWORK/MEASURE.npz   arrays, and the digest of all that they depend on
NETWORKS/NAME-DIGEST/                   runs of `tfadv train`, shared by all experiments
"""

import hashlib
import json
import zipfile
import zlib
from pathlib import Path

import numpy as np

import tfadv
from tfadv import files

ABOUT = "_about"


class Store:
    """The measurements of one experiment, and the networks of all.

    Args:
        out: the experiment's directory.
        networks: the directory of the networks; None is `networks` beside `out`.
    """

    def __init__(self, out, networks=None):
        self.out = Path(out)
        self.networks = Path(networks) if networks else self.out.parent / "networks"

    def home(self, seed, network, measure):
        """Where a measure may keep half-done work and reports of its own."""
        return self.out / "measured" / str(seed) / network / measure

    def path(self, seed, network, measure):
        """The file of a measurement."""
        return self.out / "measured" / str(seed) / network / f"{measure}.npz"

    def read(self, seed, network, measure, digest):
        """(arrays by name, facts), or None where there is no such file or something that it depends on has changed."""
        try:
            with (
                open(self.path(seed, network, measure), "rb") as stream,
                np.load(stream, allow_pickle=False) as archive,
            ):
                about = json.loads(str(archive[ABOUT]))
                if about["digest"] != digest:
                    return None
                return {name: archive[name] for name in archive.files if name != ABOUT}, about
        except (OSError, KeyError, TypeError, ValueError, EOFError, zipfile.BadZipFile, zlib.error):
            return None  # damaged is as good as missing: it is measured again

    def write(self, seed, network, measure, digest, arrays, **facts):
        """Keep arrays and facts (JSON's types) about them, atomically."""
        about = json.dumps(files.plain({**facts, "digest": digest}))
        files.write_npz(self.path(seed, network, measure), **arrays, **{ABOUT: np.array(about)})


def digest(*facts):
    """A digest of values: of the constants themselves, not of where they come from. Another version has another."""
    text = json.dumps([files.plain(fact) for fact in (*facts, tfadv.__version__)], sort_keys=True, default=repr)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
