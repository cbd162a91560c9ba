"""The lock of a run directory, and what its record must look like."""

import json
import os
import signal
import subprocess
import sys

import pytest

from tfadv import runs
from tfadv.errors import TfadvError

HOLD = """
import sys, time
from tfadv import runs
with runs.locked(sys.argv[1], "training"):
    print("held", flush=True)
    time.sleep(60)
"""
RECORD = {
    "settings": {
        "dataset": "digits",
        "model": "mlp",
        "method": "standard",
        "epochs": 3,
        "attack": None,
        "threat": None,
    },
    "source": "digits",
    "class_names": ["a", "b"],
    "finished": True,
}


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the directory."""
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_process_is_told_who_holds_the_directory(holder, tmp_path):
    said = f"is in use: process {holder.pid} on .* is training there. Wait"
    with pytest.raises(TfadvError, match=said), runs.locked(tmp_path, "evaluating"):
        pass
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert (tmp_path / runs.LOCK).exists()
    with runs.locked(tmp_path, "evaluating"):
        assert str(os.getpid()) in (tmp_path / runs.LOCK).read_text()
    assert not list(tmp_path.iterdir())


def test_a_lock_leaves_nothing_behind(tmp_path):
    out = tmp_path / "new"
    in_use = pytest.raises(TfadvError, match="is in use")
    with pytest.raises(KeyboardInterrupt), runs.locked(out, "training"):
        with in_use, runs.locked(out, "training"):
            pass
        raise KeyboardInterrupt
    assert not (tmp_path / "new").exists() and tmp_path.exists()


def test_a_directory_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    refused = pytest.raises(TfadvError, match="cannot write to the directory .*choose another")
    with refused, runs.locked(tmp_path / "file" / "run", "training"):
        pass


def test_the_record_of_a_training(tmp_path):
    assert runs.training(tmp_path) == {}
    (tmp_path / runs.TRAIN).write_text(json.dumps(RECORD))
    assert runs.training(tmp_path) == RECORD


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ([1], "the record: expected a mapping"),
        (None, "the record: expected a mapping"),
        ({**RECORD, "settings": [1]}, "settings: expected a mapping"),
        ({**RECORD, "settings": {}}, "settings.dataset: expected a text, received None"),
        ({**RECORD, "settings": {**RECORD["settings"], "epochs": "3"}}, "settings.epochs: expected a whole number"),
        ({**RECORD, "settings": {**RECORD["settings"], "threat": 1}}, "settings.threat: expected a text or a list"),
        ({**RECORD, "class_names": "ab"}, "class_names: expected a list"),
        ({key: RECORD[key] for key in ("settings", "source")}, "class_names: expected a list, received None"),
    ],
)
def test_a_record_that_was_edited_is_one_sentence(tmp_path, record, said):
    (tmp_path / runs.TRAIN).write_text(json.dumps(record))
    with pytest.raises(TfadvError, match=f"cannot read .*train.json' .*{said}") as refused:
        runs.training(tmp_path)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("content", [b"{", b"\xff", b"[" * 100_000])
def test_a_record_that_is_no_json_is_one_sentence(tmp_path, content):
    (tmp_path / runs.TRAIN).write_bytes(content)
    with pytest.raises(TfadvError, match="cannot read .*train.json'"):
        runs.training(tmp_path)
