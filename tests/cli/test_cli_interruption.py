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

# So many that some are left when it is stopped.
EPOCHS = 20
LONG = ("--dataset", "digits", "--method", "adversarial", "--attack", "pgd(steps=1)", "--threat", "linf:0.1")
LONG += ("--epochs", EPOCHS, "--optimizer", "adam(learning_rate=0.003)", "--schedule", "step(at=10)", "--seed", 1)


def weights(run, name):
    return keras.saving.load_model(run / name, compile=False).get_weights()


def assert_same(one, other):
    for name in ("model.keras", "last.keras"):
        for ours, theirs in zip(weights(one, name), weights(other, name), strict=True):
            np.testing.assert_array_equal(ours, theirs)
    assert (one / "history.csv").read_text() == (other / "history.csv").read_text()


def stopped(process, arguments, written, how):
    """Start a command, end it once it has written that file (anew); returns the exit code and stderr."""
    modified = lambda: written.stat().st_mtime_ns if written.exists() else None  # noqa: E731
    before, command, deadline = modified(), process(*arguments), time.monotonic() + 120
    while modified() == before:
        assert command.poll() is None and time.monotonic() < deadline, command.communicate()
        time.sleep(0.01)
    command.send_signal(how)
    _, stderr = command.communicate(timeout=60)
    assert "Traceback" not in stderr
    return command.returncode, stderr


def test_a_stopped_training_goes_on_bit_for_bit(tfadv, process, is_refused, tmp_path):
    whole, out = tmp_path / "whole", tmp_path / "stopped"
    assert tfadv("train", *LONG, "--out", whole).exit_code == 0
    begin, resume = ("train", *LONG, "--out", out), ("train", "--resume", "--out", out)
    assert stopped(process, begin, out / "backup.npz", signal.SIGKILL)[0] == -signal.SIGKILL
    assert 1 <= len((out / "history.csv").read_text().splitlines()) - 1 < EPOCHS
    is_refused(tfadv(*begin), "--resume")
    is_refused(tfadv(*resume, "--epochs", 5), f"epochs={EPOCHS}", "5")
    result = tfadv(*resume)
    assert result.exit_code == 0, result.stderr
    assert_same(out, whole)
    is_refused(tfadv(*resume), "finished")


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
        if len(backup.history) in (1, last):
            raise KeyboardInterrupt

    resume = f"tfadv train --resume --out {tmp_path / 'stopped'}"
    with monkeypatch.context() as patched:
        patched.setattr(Backup, "on_epoch_end", stop)
        for begin in (settings, ("--resume",)):
            result = tfadv("train", *begin, "--out", tmp_path / "stopped")
            assert result.exit_code == 130 and f"go on with `{resume}`." in result.stderr
    assert tfadv("train", "--resume", "--out", tmp_path / "stopped").exit_code == 0
    assert_same(tmp_path / "stopped", tmp_path / "whole")


def test_a_stopped_evaluation_goes_on_to_the_same_outcome(tfadv, process, tmp_path):
    run, out = tmp_path / "run", tmp_path / "out"
    assert tfadv("train", "--dataset", "digits", "--model", "linear", "--epochs", 2, "--out", run).exit_code == 0
    attacks = ("--attack", "pgd(steps=300)", "--attack", "fgsm")
    command = ("evaluate", run, "--threat", "linf:0.05", *attacks, "--batch-size", 20, "--verdict-only")
    assert tfadv(*command, "--out", tmp_path / "whole").exit_code == 0
    code, stderr = stopped(process, (*command, "--out", out), out / "evaluation.partial.npz", signal.SIGTERM)
    assert code == 143 and stderr.splitlines()[-1].endswith("the same command goes on from the last complete batch.")
    result = tfadv(*command, "--out", out)
    assert result.exit_code == 0 and "resuming the interrupted evaluation" in result.stderr
    one, other = map(results.load, (out, tmp_path / "whole"))
    assert {"robust", "distance", "broken_by"} <= set(one.arrays)
    for name, array in one.arrays.items():
        np.testing.assert_array_equal(array, other.arrays[name])
    timeless = lambda result: [{k: v for k, v in row.items() if k != "seconds"} for row in result.attacks]  # noqa: E731
    assert timeless(one) == timeless(other) and not (out / "evaluation.partial.npz").exists()


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
