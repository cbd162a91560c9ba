import os

import numpy as np
import pytest

from tfadv.data.datasets import load
from tfadv.errors import TfadvError

X = np.arange(4 * 5 * 6 * 3, dtype="uint8").reshape(4, 5, 6, 3)
Y = np.array([0, 1, 2, 1])


def save(path, **arrays):
    np.savez(path / "mine.npz", **arrays)
    return path / "mine.npz"


def test_undivided(tmp_path):
    data = load(save(tmp_path, x=X, y=Y))
    assert data.same_split and data.train is data.test and data.class_names == ("0", "1", "2")
    assert np.array_equal(data.test.images, X) and np.array_equal(data.test.labels, Y)
    assert str(tmp_path) in data.source


def test_divided_named_compressed(tmp_path):
    parts = {
        "x_train": X,
        "y_train": Y,
        "x_test": X[:2],
        "y_test": Y[:2],
        "class_names": np.array(["a", "b", "c"]),
    }
    np.savez_compressed(tmp_path / "d.npz", **parts)
    data = load(str(tmp_path / "d.npz"))
    assert not data.same_split and len(data.test) == 2 and data.class_names == ("a", "b", "c")


def test_test_images_alone_are_enough_to_judge_on(tmp_path):
    data = load(save(tmp_path, x_test=X, y_test=Y))
    assert data.train is None and not data.same_split and np.array_equal(data.test.images, X)
    assert data.image_shape == (5, 6, 3) and data.class_names == ("0", "1", "2")
    assert load(save(tmp_path, x=X, y=Y, x_test=X[:1], y_test=Y[:1])).same_split  # as ever


def test_grayscale_gets_its_channel_and_floats_stay(tmp_path):
    data = load(save(tmp_path, x=X[..., 0] / 255, y=Y))
    assert data.image_shape == (5, 6, 1) and data.test.images.dtype == np.float32


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": X}, "expected x and y.*received x"),
        ({"x_test": X, "y_test": Y, "x_train": X}, "to train on x_train and y_train too, received"),
        ({"images": X, "labels": Y}, "expected x and y"),
        ({"x_train": X, "y_train": Y}, "x_test and y_test.*received x_train, y_train"),
        ({"x": X, "y": np.eye(3)[Y]}, "mine.npz: labels.*argmax"),
        ({"x": X * 1.0, "y": Y}, "by 255"),
        ({"x": X, "y": Y.astype(float)}, "astype"),
        ({"x": X, "y": Y[:2]}, "one per image"),
        ({"x": X[:0], "y": Y[:0]}, "at least one image"),
        ({"x": X, "y": Y, "class_names": np.array(["a"])}, "1 class names"),
        ({"x": X, "y": Y, "class_names": np.array([1, 2, 3])}, "array of strings"),
        ({"x": np.array([X[0], X[1][:2], X[2], X[3]], object), "y": Y}, "never loaded"),
    ],
)
def test_refuses(tmp_path, arrays, message):
    with pytest.raises(TfadvError, match=message) as error:
        load(save(tmp_path, **arrays))
    assert "\n" not in str(error.value)


class Evil:
    def __reduce__(self):
        return open, ("pwned", "w")


def test_never_unpickles(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("evil.npz", x=np.array([Evil()], object), y=Y)
    with pytest.raises(TfadvError, match="never loaded"):
        load("evil.npz")
    assert not (tmp_path / "pwned").exists()


def test_what_is_no_archive_gets_no_advice_to_unpickle_it(tmp_path):
    (tmp_path / "junk.npz").write_text("hi")
    with pytest.raises(TfadvError, match="truncated or no .npz archive: write it with np.savez") as refused:
        load(tmp_path / "junk.npz")
    assert "pickle" not in str(refused.value)


@pytest.mark.parametrize("keep", [0, 1, 10, 0.3, 0.7, 0.99])
def test_truncated(tmp_path, keep):
    path = save(tmp_path, x=X, y=Y)
    content = path.read_bytes()
    path.write_bytes(content[: keep if isinstance(keep, int) else int(keep * len(content))])
    with pytest.raises(TfadvError, match="truncated or no .npz archive"):
        load(path)


def test_damaged_inside(tmp_path):
    path = save(tmp_path, x=X, y=Y)
    content = bytearray(path.read_bytes())
    content[300] ^= 255
    path.write_bytes(content)
    with pytest.raises(TfadvError, match="truncated"):
        load(path)


def test_other_files(tmp_path):
    np.save(tmp_path / "a.npy", X)
    (tmp_path / "a.npy").rename(tmp_path / "a.npz")
    (tmp_path / "text.npz").write_text("hello")
    (tmp_path / "a.csv").write_text("1,2")
    for name, message in (
        ("a.npz", "np.savez"),
        ("text.npz", "np.savez"),
        ("a.csv", "archive, received .csv"),
    ):
        with pytest.raises(TfadvError, match=message):
            load(tmp_path / name)
    with pytest.raises(TfadvError, match="No such file"):
        load(tmp_path / "none.npz")


def test_a_named_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.npz")
    with pytest.raises(TfadvError, match="pipe.npz': expected a regular file"):
        load(tmp_path / "pipe.npz")


def test_unreadable(tmp_path, monkeypatch):
    def denied(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    path = save(tmp_path, x=X, y=Y)
    monkeypatch.setattr(np, "load", denied)
    with pytest.raises(TfadvError, match="cannot read .*mine.npz.*Permission denied"):
        load(path)
