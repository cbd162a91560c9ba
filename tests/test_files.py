"""What a killed process leaves behind is removed, and no archive is ever unpickled."""

import os
import subprocess
import sys

import numpy as np
import pytest

from tfadv import files
from tfadv.errors import TfadvError

KILLED = """
import os, signal, sys
from tfadv import files
with files.atomic(sys.argv[1]) as temporary:
    temporary.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_leftovers_of_killed_processes_are_removed_with_the_next_file(tmp_path):
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "model.keras")])
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".model.") and left.suffix == ".keras"
    kept = [f".model.{files.HOST}-{os.getpid()}-0123abcd.keras", ".model.elsewhere-1-0123abcd.keras", ".hidden"]
    for name in kept:
        (tmp_path / name).write_text("")
    files.write_text(tmp_path / "train.json", "{}")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*kept, "train.json"])


class Evil:
    def __reduce__(self):
        return open, ("pwned", "w")


def test_archives_are_read_without_pickle_and_without_advice_to_use_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    files.write_npz("good.npz", a=np.arange(3), b=np.zeros(2))
    assert files.read_npz("good.npz", "write it again", ["a"])["a"].tolist() == [0, 1, 2]
    np.savez("evil.npz", x=np.array([Evil()], object))
    np.save("array.npy", np.zeros(3))
    (tmp_path / "text.npz").write_text("hello")
    (tmp_path / "half.npz").write_bytes((tmp_path / "good.npz").read_bytes()[:90])
    for name, said in (
        ("evil.npz", "holds Python objects, which are never loaded: write it again"),
        ("array.npy", "is not an .npz archive: write it again"),
        ("text.npz", "is truncated or no .npz archive: write it again"),
        ("half.npz", "is truncated or no .npz archive.*: write it again"),
        ("none.npz", "cannot read 'none.npz' .No such file or directory.; write it again"),
    ):
        with pytest.raises(TfadvError, match=said) as refused:
            files.read_npz(name, "write it again")
        assert "pickle" not in str(refused.value)
    assert not (tmp_path / "pwned").exists()


def test_what_does_not_fit_into_memory_is_not_unpacked(tmp_path, monkeypatch):
    np.savez_compressed(tmp_path / "zeros.npz", x=np.zeros(100_000))
    monkeypatch.setattr(os, "sysconf", {"SC_PHYS_PAGES": 10, "SC_PAGE_SIZE": 4096}.get)
    with pytest.raises(TfadvError, match="not enough memory to read .*zeros.npz"):
        files.read_npz(tmp_path / "zeros.npz", "evaluate again")
