"""Names that users import: lazy, found by editors, and with a hint where one is misspelled."""

import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import generate
import pytest

import tfadv
from tfadv.attacks import ATTACKS
from tfadv.data import DATASETS
from tfadv.defenses import DEFENSES
from tfadv.layers import LAYERS
from tfadv.models import MODELS
from tfadv.threat import NORMS
from tfadv.training import METHODS

ROOT = Path(__file__).parents[1]
REGISTRIES = {
    "tfadv.attacks": ATTACKS,
    "tfadv.threat": NORMS,
    "tfadv.training": METHODS,
    "tfadv.defenses": DEFENSES,
    "tfadv.layers": LAYERS,
    "tfadv.models": MODELS,
    "tfadv.data": DATASETS,
}


def test_no_package_imports_tensorflow():
    script = (
        f"import sys, {', '.join(generate.PACKAGES)}; sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script]).returncode == 0


@pytest.mark.parametrize("package", REGISTRIES)
def test_everything_registered_can_be_imported_by_its_own_name(package):
    module = importlib.import_module(package)
    for name, place in REGISTRIES[package].exports.items():
        assert getattr(module, name) is getattr(importlib.import_module(place.split(":")[0]), name)
        assert name in dir(module) and name in module.__all__


@pytest.mark.parametrize("package", generate.PACKAGES)
def test_every_name_of_all_is_there_and_no_submodule_hides_it(package):
    module = importlib.import_module(package)
    assert len(set(module.__all__)) == len(module.__all__)
    assert all(getattr(module, name) is not None for name in module.__all__)
    # The import of a submodule sets its name in the package, where it would be found first.
    assert not set(module.__all__) & {found.name for found in pkgutil.iter_modules(module.__path__)}


def test_attacks_and_threats_are_at_the_top():
    assert {*ATTACKS.exports, *NORMS.exports} <= set(tfadv.__all__)
    assert tfadv.AutoAttack is ATTACKS.get("autoattack") and tfadv.LInf(0.1) == NORMS["linf"](0.1)


@pytest.mark.parametrize(
    ("package", "wrong", "message"),
    [
        ("tfadv", "pgd", "module 'tfadv' has no attribute 'pgd': did you mean 'PGD'"),
        ("tfadv.threat", "Linf", "did you mean 'LInf'[?] it has .*L1, .*LInf, "),
        ("tfadv.attacks", "qqq", "has no attribute 'qqq': it has .*APGD, APGDT"),
    ],
)
def test_a_wrong_name_suggests_the_nearest(package, wrong, message):
    with pytest.raises(AttributeError, match=message):
        getattr(importlib.import_module(package), wrong)


def test_python_m_tfadv_is_the_command_line():
    done = subprocess.run([sys.executable, "-m", "tfadv", "--version"], capture_output=True, text=True)
    assert done.stdout == f"tfadv, version {tfadv.__version__}\n"


@pytest.mark.parametrize("path", generate.generated(), ids=lambda path: str(path.relative_to(ROOT)))
def test_what_is_generated_is_of_the_registries_of_today(path):
    assert path.read_text() == generate.generated()[path], "run python docs/generate.py"
