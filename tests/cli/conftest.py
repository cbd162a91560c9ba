import subprocess
import sys

import pytest
from click.testing import CliRunner

from tfadv_cli.main import commands

ROBUSTLY = ("--method", "adversarial", "--attack", "pgd(steps=2)", "--threat", "linf:0.1")


def invoke(*arguments):
    """Run a command in this process, which has TensorFlow imported already."""
    return CliRunner().invoke(commands, [str(argument) for argument in arguments])


def start(*arguments, **options):
    """Start a command as a user does, in a process of its own."""
    call = [sys.executable, "-m", "tfadv_cli.main", *map(str, arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(call, **pipes | options)


def refused(result, *words):
    """Assert that a command ended in one sentence that holds these words, with exit code 2."""
    lines = result.stderr.strip().splitlines()
    assert result.exit_code == 2, result.output
    assert lines[-1].startswith("Error: ")
    assert "Traceback" not in result.stderr
    assert sum(line.startswith("Error") for line in lines) == 1
    for word in words:
        assert word in lines[-1], lines[-1]


@pytest.fixture(scope="session")
def tfadv():
    """A function from arguments to a command's result: exit_code, stdout, stderr."""
    return invoke


@pytest.fixture(scope="session")
def process():
    """A function from arguments to a command in a process of its own."""
    return start


@pytest.fixture(scope="session")
def is_refused():
    return refused


@pytest.fixture(scope="session")
def robust(tmp_path_factory):
    """A finished run."""
    out = tmp_path_factory.mktemp("runs") / "robust"
    result = invoke("train", "--dataset", "digits", *ROBUSTLY, "--epochs", 3, "--out", out)
    assert result.exit_code == 0, result.output
    assert str(out / "model.keras") in result.stdout
    assert f"tfadv evaluate {out}" in result.stdout
    return out


@pytest.fixture(scope="session")
def evaluated(robust):
    """The same run, judged; the second value is what was printed."""
    result = invoke("evaluate", robust, "--attack", "fgsm", "--attack", "pgd(steps=5)")
    assert result.exit_code == 0, result.output
    return robust, result.stdout
