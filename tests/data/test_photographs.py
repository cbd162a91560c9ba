import numpy as np
import pytest
from PIL import Image

from tfadv.data.photographs import brought, imagenet_classes, load_photographs
from tfadv.errors import TfadvError


def test_the_middle_is_cut_out_and_what_has_the_size_stays(tmp_path):
    wide = np.zeros((80, 120, 3), np.uint8)
    wide[:, 60:] = (255, 0, 0)
    exact = np.random.RandomState(0).randint(0, 256, (14, 14, 3)).astype(np.uint8)
    Image.fromarray(wide).save(tmp_path / "b.png")
    Image.fromarray(exact).save(tmp_path / "a.png")
    Image.fromarray(np.full((40, 20), 7, np.uint8)).save(tmp_path / "gray.png")
    (tmp_path / "notes.txt").write_text("")
    images, names = load_photographs(tmp_path, 14, 14)
    assert names == ("a", "b", "gray") and images.shape == (3, 14, 14, 3) and images.dtype == np.uint8
    assert np.array_equal(images[0], exact) and (images[2] == 7).all()
    assert (images[1][:, :6] == 0).all() and (images[1][:, 8:] == (255, 0, 0)).all()


def test_a_photograph_of_a_phone_is_upright(tmp_path):
    pixels = np.zeros((30, 20, 3), np.uint8)
    pixels[:15] = 255
    remark = Image.Exif()
    remark[0x0112] = 3  # turned by 180 degrees
    Image.fromarray(pixels).save(tmp_path / "phone.png", exif=remark)
    [image], _ = load_photographs(tmp_path, 8, 8)
    assert (image[:3] == 0).all() and (image[-3:] == 255).all()


def test_three_photographs_come_with_what_tfadv_needs():
    assert all(file.is_file() for file in brought())
    images, names = load_photographs(None, 32, 24)
    assert names == ("china", "flower", "grace_hopper") and images.shape == (3, 32, 24, 3)


def test_a_thousand_classes():
    names = imagenet_classes()
    assert len(names) == 1000 and names[282] == "tiger cat" and names[475] == "car mirror"


def test_folders_without_photographs_are_refused(tmp_path):
    with pytest.raises(TfadvError, match="expected a folder of image files"):
        load_photographs(tmp_path / "nowhere", 8, 8)
    with pytest.raises(TfadvError, match=r"expected photographs \(.png"):
        load_photographs(tmp_path, 8, 8)
