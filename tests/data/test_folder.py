import os

import numpy as np
import pytest
from PIL import Image

from tfadv.data.datasets import load
from tfadv.errors import TfadvError

RNG = np.random.RandomState(0)


def picture(path, shape=(6, 5, 3), mode=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = RNG.randint(0, 256, shape).astype("uint8")
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(path)
    return pixels


def test_class_folders_sorted(tmp_path):
    dog = picture(tmp_path / "dog" / "1.png")
    cats = [picture(tmp_path / "cat" / name) for name in ("2.png", "1.png")]
    (tmp_path / "README.txt").write_text("not a class")
    (tmp_path / "cat" / ".DS_Store").write_text("")
    (tmp_path / ".git").mkdir()
    data = load(tmp_path)
    assert data.class_names == ("cat", "dog") and data.same_split and data.source == str(tmp_path)
    assert np.array_equal(data.train.images, np.stack([cats[1], cats[0], dog])) and data.train.y.tolist() == [
        0,
        0,
        1,
    ]


def test_train_and_test(tmp_path):
    for name in ("train/a/1.png", "train/b/1.png", "test/b/1.png"):
        picture(tmp_path / name)
    data = load(str(tmp_path))
    assert not data.same_split and data.class_names == ("a", "b") and data.test.y.tolist() == [1]
    picture(tmp_path / "test" / "c" / "1.png")
    with pytest.raises(TfadvError, match="those of training, a, b, received c"):
        load(tmp_path)


@pytest.mark.parametrize(("mode", "channels"), [("L", 1), ("1", 1), ("P", 3), ("RGB", 3), ("RGBA", 3), ("LA", 1)])
def test_color_modes(tmp_path, mode, channels):
    picture(tmp_path / "a" / "1.png", mode=mode)
    assert load(tmp_path).image_shape == (6, 5, channels)


def test_jpeg(tmp_path):
    picture(tmp_path / "a" / "1.JPG")
    assert load(tmp_path).train.images.dtype == np.uint8


def test_names_the_first_file_of_another_shape(tmp_path):
    picture(tmp_path / "a" / "1.png")
    picture(tmp_path / "b" / "odd.png", (7, 5, 3))
    with pytest.raises(TfadvError, match=r"b/odd.png.*\(6, 5, 3\) of 1.png, received \(7, 5, 3\).*never resized"):
        load(tmp_path)


def test_refuses_gray_among_colors(tmp_path):
    picture(tmp_path / "a" / "1.png")
    picture(tmp_path / "a" / "2.png", (6, 5))
    with pytest.raises(TfadvError, match=r"2.png.*received \(6, 5, 1\)"):
        load(tmp_path)


def test_refuses_transparency_and_sixteen_bits(tmp_path):
    picture(tmp_path / "a" / "1.png", (6, 5, 4))
    with pytest.raises(TfadvError, match="transparent"):
        load(tmp_path)
    Image.fromarray(np.full((6, 5), 40000, "uint16")).save(tmp_path / "a" / "1.png")
    with pytest.raises(TfadvError, match="8 bits per channel"):
        load(tmp_path)


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b"hello", lambda b: b[:40]])
def test_damaged_image(tmp_path, damage):
    file = tmp_path / "a" / "1.png"
    picture(file, (40, 40, 3))
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(TfadvError, match="cannot read the image .*1.png"):
        load(tmp_path)


def test_class_names_that_are_not_utf_8_become_escapes(tmp_path):
    picture(tmp_path / "a" / "1.png")
    os.rename(tmp_path / "a", os.fsencode(tmp_path) + b"/\xff")
    assert load(tmp_path).class_names == ("\\udcff",)


def test_only_regular_files_are_read(tmp_path):
    """To open a named pipe waits for ever."""
    picture(tmp_path / "a" / "1.png")
    os.mkfifo(tmp_path / "a" / "notes")
    assert len(load(tmp_path).train) == 1
    pipe = tmp_path / "a" / "2.png"
    for make in (os.mkfifo, lambda path: path.symlink_to("nowhere"), lambda path: path.symlink_to("/dev/zero")):
        make(pipe)
        with pytest.raises(TfadvError, match="2.png': expected a regular file, received a pipe.*Remove it"):
            load(tmp_path)
        pipe.unlink()
    pipe.mkdir()
    with pytest.raises(TfadvError, match="2.png': expected a regular file, received a folder"):
        load(tmp_path)


def test_empty_folders(tmp_path):
    with pytest.raises(TfadvError, match="one folder of images per class, received none"):
        load(tmp_path)
    (tmp_path / "cat").mkdir()
    with pytest.raises(TfadvError, match="class folder .*cat.*received none"):
        load(tmp_path)
    for part in ("train", "test"):
        (tmp_path / part).mkdir()
    with pytest.raises(TfadvError, match="train.*received none"):
        load(tmp_path)
