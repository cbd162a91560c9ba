import subprocess
import sys

import numpy as np
import pytest

from tfadv.data import DATASETS
from tfadv.data.datasets import describe, load, prepare
from tfadv.errors import TfadvError


def test_digits_is_scikit_learns_divided_stratified():
    data = load("digits")
    assert (len(data.train), len(data.test), data.image_shape) == (1437, 360, (8, 8, 1))
    assert data.class_names == tuple("0123456789") and data.train.x.max() == 1
    counts = np.bincount(data.train.y) + np.bincount(data.test.y)
    assert counts.tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert np.abs(np.bincount(data.test.y) - counts * 360 / 1797).max() < 1


def test_unknown_name_suggests_and_mentions_paths():
    with pytest.raises(TfadvError, match="did you mean 'mnist'.*folder of class folders or of an .npz"):
        load("mnits")
    with pytest.raises(TfadvError, match="no data set at"):
        load("no/such/folder")


def test_a_folder_does_not_hide_a_name(tmp_path, monkeypatch):
    (tmp_path / "digits").mkdir()
    monkeypatch.chdir(tmp_path)
    assert load("digits").source == "embedded in scikit-learn"
    with pytest.raises(TfadvError, match="one folder of images per class"):
        load("./digits")


def test_describe_needs_no_tensorflow(tmp_path):
    code = "import sys; from tfadv.data.datasets import describe; describe(); print('tensorflow' in sys.modules)"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert output.stdout == "False\n"


def test_describe_tells_what_is_missing(tmp_path):
    rows = {row["name"]: row for row in describe(tmp_path)}
    assert list(rows) == list(DATASETS)
    assert rows["digits"]["prepared"] and not rows["mnist"]["prepared"]
    assert "tfadv data prepare mnist" in rows["mnist"]["where"]


def test_prepare_has_nothing_to_do_for_digits():
    assert prepare("digits") == "embedded in scikit-learn"
