import dataclasses
import json
import subprocess
import sys

import pytest

from tfadv.data import AUGMENTATIONS, DATASETS
from tfadv.models import AUTOENCODERS, MODELS
from tfadv.training import METHODS, OF_AUTOENCODERS
from tfadv.training.settings import Settings
from tfadv_cli import main, options

IMPORTED = """
import contextlib, sys
from tfadv_cli.main import COMMANDS, commands
for arguments in {calls}:
    with contextlib.suppress(SystemExit):
        commands(arguments)
print(*(name for name in {names} if name in sys.modules), file=sys.stderr)
"""


def imported(calls, names):
    code = IMPORTED.format(calls=calls, names=names)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stderr.split()


def test_help_imports_nothing_slow():
    slow = ("tensorflow", "keras", "numpy", "rich", "matplotlib", "scipy", "tfadv_cli.train")
    assert imported("[['--help'], ['--version']]", slow) == []


def test_help_of_commands_imports_no_tensorflow():
    calls = "[[name, '--help'] for name in COMMANDS] + [['data', 'list', '--help']]"
    assert imported(calls, ("tensorflow", "keras", "matplotlib")) == []


@pytest.mark.parametrize("command", [[name] for name in main.COMMANDS] + [["data", "list"], ["data", "prepare"]])
def test_every_command_has_help(tfadv, command):
    result = tfadv(*command, "--help")
    assert result.exit_code == 0
    assert result.stdout.startswith(f"Usage: commands {' '.join(command)}")


def test_help_lists_every_command_with_its_line(tfadv):
    text = " ".join(tfadv("--help").stdout.split())
    for name, (_, line) in main.COMMANDS.items():
        assert f"{name} {line}" in text


def test_train_has_every_setting_with_its_default(tfadv):
    text = " ".join(tfadv("train", "--help").stdout.split())
    for field in dataclasses.fields(Settings):
        assert f"--{field.name.replace('_', '-')} " in text
        if field.default not in (None, dataclasses.MISSING):
            assert f"[{field.default}" in text, field.name


def test_help_lists_what_is_registered(tfadv):
    """Without spaces: a long name is broken at its hyphen."""
    text = "".join(tfadv("train", "--help").stdout.split())
    for registry in (MODELS, AUTOENCODERS, METHODS, OF_AUTOENCODERS, AUGMENTATIONS, DATASETS):
        assert "".join(options.listed(registry).split()) in text
    assert options.listed(DATASETS) in tfadv("data", "prepare", "--help").stdout


def test_version(tfadv):
    import tfadv as package

    assert tfadv("--version").stdout == f"tfadv, version {package.__version__}\n"


def test_the_list_of_studies_fits_a_terminal(tfadv):
    lines = tfadv("reproduce", "--list").stdout.splitlines()
    listed = tfadv("reproduce", "--list", "--json")
    assert max(map(len, lines)) <= 80
    words = " ".join(lines).replace(",", " ").split()
    for row in json.loads(listed.stdout):
        assert row["name"] in words and set(row["sections"].split(", ")) - {""} <= {*words}
    [line] = [line for line in lines if line.startswith("deep-defense ")]
    assert line.split()[:3] == ["deep-defense", "fashion_mnist", "4"]
    assert lines.index("Deng, Zhang, Zhao 2019") == lines.index(line) - 1
