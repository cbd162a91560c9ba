"""Whatever ends a training or an evaluation, what was finished is kept, and what follows comes to the very same end."""

import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest

from tfadv.evaluation import results
from tfadv.training.callbacks import Backup

LONG = ("--dataset", "digits", "--method", "adversarial", "--attack", "pgd(steps=20)", "--threat", "linf:0.1")
LONG += ("--epochs", 40, "--optimizer", "adam(learning_rate=0.003)", "--schedule", "step(at=20)", "--seed", 1)


def weights(run, name):
    return keras.saving.load_model(run / name, compile=False).get_weights()


def assert_same(one, other):
    for name in ("model.keras", "last.keras"):
        for ours, theirs in zip(weights(one, name), weights(other, name), strict=True):
            np.testing.assert_array_equal(ours, theirs)
    assert (one / "history.csv").read_text() == (other / "history.csv").read_text()


@pytest.fixture(scope="module")
def uninterrupted(tfadv, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "whole"
    assert tfadv("train", *LONG, "--out", out).exit_code == 0
    return out


def stop_in_the_middle(process, out, how):
    """Start the long training and stop it once some epochs are done; returns exit code and stderr."""
    command = process("train", *LONG, "--out", out)
    deadline = time.monotonic() + 120
    while not (out / "backup.npz").exists():
        assert command.poll() is None and time.monotonic() < deadline, command.communicate()
        time.sleep(0.01)
    command.send_signal(how)
    _, stderr = command.communicate(timeout=60)
    assert "Traceback" not in stderr
    return command.returncode, stderr


@pytest.mark.parametrize(
    ("how", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -signal.SIGKILL)]
)
def test_a_stopped_training_goes_on_bit_for_bit(tfadv, process, is_refused, uninterrupted, tmp_path, how, code):
    out = tmp_path / "stopped"
    ended, stderr = stop_in_the_middle(process, out, how)
    assert ended == code
    if how != signal.SIGKILL:
        (line,) = [line for line in stderr.splitlines() if line.startswith("Error")]
        assert line.endswith(f"go on with `tfadv train --resume --out {out}`.")
    assert 1 <= len((out / "history.csv").read_text().splitlines()) - 1 < 40
    is_refused(tfadv("train", *LONG, "--out", out), "--resume")
    is_refused(tfadv("train", "--resume", "--out", out, "--epochs", 5), "epochs=40", "5")
    result = tfadv("train", "--resume", "--out", out)
    assert result.exit_code == 0, result.stderr
    assert_same(out, uninterrupted)
    is_refused(tfadv("train", "--resume", "--out", out), "finished")


@pytest.mark.parametrize("patience", [0, 1])
def test_stopped_between_the_last_epoch_and_the_end(tfadv, tmp_path, monkeypatch, patience):
    settings = (
        "--dataset",
        "digits",
        "--epochs",
        3,
        "--patience",
        patience,
        "--optimizer",
        "sgd(learning_rate=0.0)",
    )
    assert tfadv("train", *settings, "--out", tmp_path / "whole").exit_code == 0
    last, end_epoch = 2 if patience else 3, Backup.on_epoch_end

    def stop(backup, epoch, logs=None):
        end_epoch(backup, epoch, logs)
        if len(backup.history) == last:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Backup, "on_epoch_end", stop)
        assert tfadv("train", *settings, "--out", tmp_path / "stopped").exit_code == 130
    assert tfadv("train", "--resume", "--out", tmp_path / "stopped").exit_code == 0
    assert_same(tmp_path / "stopped", tmp_path / "whole")


@pytest.fixture(scope="module")
def evaluation(tfadv, tmp_path_factory):
    """The command that judges a small run, and what it finds."""
    run = tmp_path_factory.mktemp("judged") / "run"
    assert tfadv("train", "--dataset", "digits", "--epochs", 5, "--out", run).exit_code == 0
    attacks = ("--attack", "pgd(steps=300, restarts=3)", "--attack", "square(queries=300)")
    command = ("evaluate", run, "--threat", "linf:0.05", *attacks, "--batch-size", 60)
    assert tfadv(*command, "--out", run.parent / "whole").exit_code == 0
    return command, run.parent / "whole"


@pytest.mark.parametrize(("how", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)])
def test_a_stopped_evaluation_goes_on_to_the_same_outcome(tfadv, process, evaluation, tmp_path, how, code):
    command, whole = evaluation
    running = process(*command, "--out", tmp_path)
    deadline = time.monotonic() + 120
    while not (tmp_path / "evaluation.partial.npz").exists():
        assert running.poll() is None and time.monotonic() < deadline, running.communicate()
        time.sleep(0.01)
    running.send_signal(how)
    _, stderr = running.communicate(timeout=60)
    assert running.returncode == code and "Traceback" not in stderr
    result = tfadv(*command, "--out", tmp_path)
    assert result.exit_code == 0 and "resuming the interrupted evaluation" in result.stderr
    one, other = (results.load(out) for out in (tmp_path, whole))
    assert {"robust", "distance", "broken_by"} <= set(one.arrays)
    for name, array in one.arrays.items():
        np.testing.assert_array_equal(array, other.arrays[name])
    timeless = lambda result: [{k: v for k, v in row.items() if k != "seconds"} for row in result.attacks]  # noqa: E731
    assert timeless(one) == timeless(other) and not (tmp_path / "evaluation.partial.npz").exists()


def test_nothing_to_resume(tfadv, is_refused, tmp_path):
    is_refused(tfadv("train", "--resume", "--out", tmp_path), "no run to resume")


def test_an_interruption_that_a_destructor_swallows_is_raised_again():
    script = """
import os, signal, time
from tfadv_cli import failures
failures.end_on_signals()
class Swallows:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.1)
swallows = Swallows()
try:
    del swallows
    print("swallowed", flush=True)
    time.sleep(20)
except KeyboardInterrupt:
    failures.heard()
    print("raised again", flush=True)
time.sleep(1)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stdout.split("\n")[:2] == ["swallowed", "raised again"]
    assert not done.stderr
