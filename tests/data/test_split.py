import numpy as np
import pytest

from tfadv.data.split import Dataset, Split
from tfadv.errors import TfadvError

IMAGES = np.zeros((4, 5, 6, 3), "uint8")
LABELS = np.array([0, 1, 2, 1])


def one_nan():
    images = IMAGES.astype("float32")
    images[1, 2, 3, 0] = np.nan
    return images


REFUSED = {
    "0..255 as float": (IMAGES + 200.0, LABELS, r"values in \[0, 1\], received 200 to 200.*by 255"),
    "normalized": (IMAGES - 1.5, LABELS, "normalization"),
    "NaN": (one_nan(), LABELS, "NaN"),
    "infinity": (IMAGES + np.float32(np.inf), LABELS, "infinity"),
    "integers": (IMAGES.astype("int64"), LABELS, "astype.'uint8'"),
    "objects": (IMAGES.astype(object), LABELS, "type object"),
    "no channel": (IMAGES[..., 0], LABELS, "None"),
    "flat": (IMAGES.reshape(4, -1), LABELS, "reshape"),
    "channels first": (IMAGES.transpose(0, 3, 1, 2), LABELS, "transpose"),
    "empty": (IMAGES[:0], LABELS[:0], "at least one image"),
    "one-hot": (IMAGES, np.eye(4)[LABELS], "one-hot.*argmax"),
    "column": (IMAGES, LABELS[:, None], "reshape"),
    "float labels": (
        IMAGES,
        LABELS.astype("float32"),
        r"ints\), received the type float32. Use y.astype\('int32'\)",
    ),
    "string labels": (IMAGES, LABELS.astype(str), "ints"),
    "negative labels": (IMAGES, LABELS - 1, "negative label -1"),
    "identifiers": (IMAGES, LABELS + 2**40, "without gaps"),
    "too few labels": (IMAGES, LABELS[:3], "one per image, 4 in all, received 3"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refuses_in_one_sentence(case):
    images, labels, message = REFUSED[case]
    with pytest.raises(TfadvError, match=message) as error:
        Split(images, labels)
    assert "\n" not in str(error.value)


def test_bytes_are_kept_and_scaled():
    split = Split(np.full((2, 4, 4, 1), 51, "uint8"), np.array([0, 1], "uint8"))
    assert split.images.dtype == np.uint8 and split.labels.dtype == np.int32
    assert split.x.dtype == np.float32 and np.all(split.x == np.float32(51) / np.float32(255))


def test_doubles_become_floats():
    split = Split(np.full((2, 4, 4, 1), 0.25), np.array([0, 1]))
    assert split.x.dtype == np.float32 and np.all(split.x == 0.25)


def test_take_and_select_keep_the_order():
    split = Split(np.arange(4, dtype="uint8").reshape(4, 1, 1, 1), LABELS)
    assert split.take(2).images.ravel().tolist() == [0, 1] and len(split.take(99)) == 4
    assert split.select([3, 0]).images.ravel().tolist() == [3, 0] and split.select([3, 0]).y.tolist() == [
        1,
        0,
    ]
    with pytest.raises(TfadvError, match="at least 1"):
        split.take(0)


def dataset(n=100):
    split = Split((np.arange(n) % 256).astype("uint8").reshape(n, 1, 1, 1), np.arange(n) % 2)
    return Dataset("d", split, split, ("a", "b"), "here", same_split=True)


def test_train_validation_is_fixed_shuffled_and_complete():
    train, validation = dataset().train_validation()
    assert (len(train), len(validation)) == (90, 10)
    assert sorted([*train.images.ravel(), *validation.images.ravel()]) == list(range(100))
    # NumPy's frozen RandomState: the split must never change, or published numbers change meaning.
    assert validation.images.ravel().tolist() == np.random.RandomState(0).permutation(100)[:10].tolist()
    assert np.array_equal(validation.images, dataset().train_validation()[1].images)
    assert not np.array_equal(validation.images, dataset().train_validation(seed=1)[1].images)


@pytest.mark.parametrize("fraction", [0.1, 0.25, 0.01])
def test_a_stratified_split_holds_the_same_share_of_each_class_out(fraction):
    labels = np.repeat([0, 1, 2, 3], [400, 37, 3, 160])
    images = np.arange(600, dtype="uint16").view("uint8").reshape(600, 2, 1, 1)
    split = Split(images, labels)
    parts = Dataset("d", split, split, tuple("abcd"), "here", same_split=True).train_validation(fraction, 1, True)
    train, validation = parts
    assert len(validation) == round(600 * fraction)
    assert np.abs(np.bincount(validation.y, minlength=4) - fraction * np.bincount(labels)).max() < 1
    seen = np.sort(np.concatenate([part.images.reshape(-1, 2).copy().view("uint16").ravel() for part in parts]))
    assert np.array_equal(seen, np.arange(600))
    assert len({*train.y[:20]}) > 1  # still shuffled


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 0.001, float("nan")])
def test_train_validation_refuses_an_empty_part(fraction):
    with pytest.raises(TfadvError, match="validation: expected a share that leaves some of the"):
        dataset().train_validation(fraction)


def test_dataset_refuses_other_shapes_and_unnamed_labels():
    a, b = Split(IMAGES, LABELS), Split(IMAGES[:, :, :5], LABELS)
    with pytest.raises(TfadvError, match=r"\(5, 6, 3\), received \(5, 5, 3\)"):
        Dataset("d", a, b, ("a", "b", "c"), "here")
    with pytest.raises(TfadvError, match="0 to 1 for 2 class names, received 2"):
        Dataset("d", a, a, ("a", "b"), "here")


def test_as_many_examples_as_are_wanted_are_spread_over_the_data_order():
    split = Split(np.repeat(IMAGES, 5, axis=0), np.arange(20))
    assert split.spread(None) is split and list(split.spread(30).y) == list(range(20))
    assert list(split.spread(5).y) == [0, 4, 8, 12, 16]
    with pytest.raises(TfadvError, match="at least 1, received 0"):
        split.spread(0)
