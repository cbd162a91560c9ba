import gzip
import struct

import numpy as np
import pytest

from tfadv.data import debian
from tfadv.data.datasets import load
from tfadv.errors import TfadvError

IMAGES = np.arange(3 * 2 * 4, dtype="uint8").reshape(3, 2, 4)
LABELS = np.array([9, 0, 3], "uint8")


def write(path, values):
    head = bytes([0, 0, 8, values.ndim]) + struct.pack(f">{values.ndim}i", *values.shape)
    path.write_bytes(gzip.compress(head + values.tobytes()))


@pytest.fixture
def package(tmp_path, monkeypatch):
    monkeypatch.setattr(debian, "FOLDER", tmp_path)
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "none"))
    for part in ("train", "t10k"):
        write(tmp_path / f"{part}-images-idx3-ubyte.gz", IMAGES)
        write(tmp_path / f"{part}-labels-idx1-ubyte.gz", LABELS)
    return tmp_path


def test_reads_the_package_in_its_order(package):
    data = load("fashion_mnist")
    assert np.array_equal(data.train.images, IMAGES[..., None]) and np.array_equal(data.test.y, LABELS)
    assert data.class_names[9] == "Ankle boot" and "Debian" in data.source and str(package) in data.source


def test_an_explicit_folder_comes_before_it(package, tmp_path):
    with pytest.raises(TfadvError, match="apt install dataset-fashion-mnist"):
        load("fashion_mnist", data_dir=tmp_path / "elsewhere")


@pytest.mark.parametrize("damage", [lambda b: b[:-9], lambda b: b"", lambda b: b"text", lambda b: gzip.compress(b"")])
def test_damaged(package, damage):
    file = package / "t10k-images-idx3-ubyte.gz"
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(TfadvError, match="t10k-images"):
        load("fashion_mnist")


def test_less_than_the_head_announces(tmp_path):
    (tmp_path / "a.gz").write_bytes(gzip.compress(bytes([0, 0, 8, 1, 0, 0, 0, 9, 1, 2])))
    with pytest.raises(TfadvError, match="cannot read"):
        debian.read_idx(tmp_path / "a.gz")
