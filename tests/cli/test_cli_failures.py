import errno
import os
import sys

import pytest

from tfadv.errors import TfadvError
from tfadv_cli import failures, main


class ResourceExhaustedError(Exception):
    """TensorFlow's is told by its name."""


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (TfadvError("eps: expected\na number."), 2, "eps: expected"),
        (OSError(errno.ENOSPC, "No space left on device", "a/b"), 2, "'a/b': No space left on device."),
        (MemoryError(), 2, "--batch-size"),
        (ResourceExhaustedError("OOM when allocating"), 2, "--batch-size"),
        (
            RuntimeError("first\nsecond"),
            1,
            "RuntimeError: first; this is a fault of tfadv: run again with --debug",
        ),
        (KeyboardInterrupt(), 130, "interrupted; complete files are kept"),
        (failures.Terminated("kept in runs/a."), 143, "interrupted; kept in runs/a."),
    ],
)
def test_every_exception_becomes_one_sentence(capsys, error, code, words):
    assert failures.report(error, debug=False) == code
    printed = capsys.readouterr().err
    assert printed.startswith("Error: ") and printed.count("\n") == 1
    assert words in printed


@pytest.mark.parametrize("arguments", [["--debug", "report", "nowhere"], ["report", "nowhere", "--debug"]])
def test_debug_shows_the_traceback_wherever_it_stands(tfadv, arguments):
    result = tfadv(*arguments)
    assert result.exit_code == 2
    assert "Traceback" in result.stderr
    assert result.stderr.splitlines()[-1].startswith("Error: no result at 'nowhere'")


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["trian"], "trian"),
        (["train", "--out", "a", "--epocs", "3"], "--epocs"),
        (["train", "--epochs", "3"], "--out"),
        (["train", "--out", "a", "--epochs", "0"], "--epochs"),
    ],
)
def test_misuse_is_one_sentence(tfadv, is_refused, arguments, word):
    result = tfadv(*arguments)
    is_refused(result, word, "--help`")
    assert result.stderr.count("\n") == 1


def test_a_full_disk_behind_stdout(process):
    with open("/dev/full", "w") as full:
        command = process("data", "list", stdout=full)
        _, stderr = command.communicate(timeout=60)
    assert command.returncode == 2
    assert stderr == "Error: No space left on device.\n"


def test_a_file_name_that_is_not_utf_8(process, evaluated, tmp_path):
    run, _ = evaluated
    out = tmp_path / "r\udcff.html"
    command = process("report", run, "-o", out, env=os.environ | {"PYTHONIOENCODING": "utf-8"})
    stdout, stderr = command.communicate(timeout=60)
    assert command.returncode == 0 and stderr == "" and out.is_file()
    assert stdout.endswith("r\\udcff.html\n")


def test_a_closed_pipe_is_no_event(process):
    with process("data", "list") as command:
        command.stdout.close()
        assert command.stderr.read() == ""
    assert command.returncode == 1


def test_the_console_script_is_this_main():
    from importlib.metadata import entry_points

    (script,) = entry_points(group="console_scripts", name="tfadv")
    assert script.load() is main.main
    assert "tfadv_cli.main" in sys.modules
