import shutil
import socket
import time
from pathlib import Path

import numpy as np
import pytest

from tfadv.data import debian, download, prepared
from tfadv.data.datasets import load, prepare
from tfadv.errors import TfadvError

NAMES = ["mnist", "fashion_mnist", "cifar10"]


@pytest.fixture(autouse=True)
def no_debian(monkeypatch, tmp_path):
    monkeypatch.setattr(debian, "FOLDER", tmp_path / "debian")


@pytest.mark.parametrize("name", NAMES)
def test_missing_data_name_folder_variable_and_command(name, tmp_path, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    start = time.monotonic()
    with pytest.raises(TfadvError) as error:
        load(name)
    assert time.monotonic() - start < 10
    for part in (str(tmp_path), "TFDS_DATA_DIR", f"tfadv data prepare {name}"):
        assert part in str(error.value)


def test_an_explicit_folder_is_the_only_one(tmp_path):
    with pytest.raises(TfadvError, match=str(tmp_path)):
        load("mnist", data_dir=tmp_path)


@pytest.fixture
def no_proxy(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def refuse(*args, **kwargs):
    raise OSError("Network is unreachable")


def hang(*args, **kwargs):
    time.sleep(30)
    raise OSError("timed out")


@pytest.mark.parametrize("network", [refuse, hang])
@pytest.mark.parametrize("get", [prepare, lambda name, folder: load(name, folder, download=True)])
def test_no_network_ends_in_seconds(network, get, tmp_path, monkeypatch, no_proxy):
    monkeypatch.setattr(download, "PATIENCE", 0.3)
    monkeypatch.setattr(socket, "create_connection", network)
    start = time.monotonic()
    with pytest.raises(TfadvError, match="cannot download 'mnist': no connection to storage.googleapis.com"):
        get("mnist", tmp_path)
    assert time.monotonic() - start < 5


def test_patience_is_seconds():
    assert 2 * download.PATIENCE < 10


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_probes_the_proxy_where_there_is_one(scheme, monkeypatch, no_proxy):
    asked = []
    monkeypatch.setenv(f"{scheme}_proxy", "http://proxy.example:3128")
    monkeypatch.setattr(download, "_connect", lambda host, port, answers: asked.append((host, port)))
    download.reachable(f"{scheme}://www.cs.toronto.edu/~kriz/")
    assert asked == [("proxy.example", 3128)]


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(TfadvError, match="cannot write to the data directory"):
        prepare("mnist", tmp_path / "file" / "data")


def test_what_tfds_raises_becomes_one_sentence(tmp_path, monkeypatch, capsys):
    import tensorflow_datasets as tfds

    class Builder:
        def download_and_prepare(self, download_config):
            print("Downloading and preparing ...")
            raise ConnectionError("HTTPSConnectionPool: Max retries exceeded\nmore")

    monkeypatch.setattr(download, "reachable", lambda url: True)
    monkeypatch.setattr(tfds, "builder", lambda name, data_dir: Builder())
    with pytest.raises(TfadvError, match="Max retries exceeded.*tfadv data prepare mnist") as error:
        prepare("mnist", tmp_path)
    assert "\n" not in str(error.value)
    assert capsys.readouterr().out == ""


def test_finds_the_newest_finished_version(tmp_path):
    for version in ("3.0.1", "3.0.10", "3.0.9", "incomplete.X_4.0.0"):
        (tmp_path / "mnist" / version).mkdir(parents=True)
        (tmp_path / "mnist" / version / "dataset_info.json").write_text("{}")
    (tmp_path / "mnist" / "5.0.0").mkdir()
    assert prepared.MNIST.find(tmp_path).name == "3.0.10"


def test_damaged_description(tmp_path):
    (tmp_path / "mnist" / "3.0.1").mkdir(parents=True)
    (tmp_path / "mnist" / "3.0.1" / "dataset_info.json").write_text("{")
    with pytest.raises(TfadvError, match="is damaged"):
        load("mnist", tmp_path)


@pytest.fixture
def copy(tmp_path):
    found = prepared.MNIST.find()
    if found is None:
        pytest.skip("mnist is not prepared")
    return Path(shutil.copytree(found, tmp_path / "mnist" / found.name))


def cut(file):
    file.write_bytes(file.read_bytes()[:-1000])


def flip(file):
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 255
    file.write_bytes(content)


def empty(file):
    file.write_bytes(b"")


@pytest.mark.real_data
@pytest.mark.parametrize("damage", [cut, flip, empty, Path.unlink])
def test_damaged_records(damage, copy, tmp_path):
    damage(next(copy.glob("*test.tfrecord*")))
    with pytest.raises(TfadvError, match="is damaged.*delete that folder and run"):
        load("mnist", tmp_path)


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "train", "first", "mean"),
    [
        ("mnist", 60000, [4, 1, 0], 0.1307),
        ("fashion_mnist", 60000, [2, 1, 8], 0.2860),
        ("cifar10", 50000, [7, 8, 4], 0.4734),
    ],
)
def test_known_facts(name, train, first, mean, capfd):
    data = load(name)
    assert (len(data.train), len(data.test)) == (train, 10000) and data.train.y[:3].tolist() == first
    assert abs(data.train.images.mean() / 255 - mean) < 5e-5
    if name != "mnist":
        assert set(np.bincount(data.train.y)) == {train // 10} and set(np.bincount(data.test.y)) == {1000}
    assert capfd.readouterr().out == ""


@pytest.mark.real_data
def test_prepare_downloads_checks_and_then_has_nothing_to_do(tmp_path, monkeypatch):
    import tensorflow_datasets as tfds

    class Builder:
        def download_and_prepare(self, download_config):
            found = prepared.MNIST.find()
            shutil.copytree(found, tmp_path / "mnist" / found.name)

    monkeypatch.setattr(download, "reachable", lambda url: True)
    monkeypatch.setattr(tfds, "builder", lambda name, data_dir: Builder())
    source = prepare("mnist", tmp_path)
    assert str(tmp_path) in source and "TFDS mnist/" in source
    monkeypatch.setattr(download, "reachable", refuse)
    assert prepare("mnist", tmp_path) == source
