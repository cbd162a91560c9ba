"""What holds for every registered data set; those of TFDS are read where TFDS_DATA_DIR has them."""

import numpy as np
import pytest

from tfadv.data import DATASETS
from tfadv.data.datasets import describe, load

EMBEDDED = {"digits"}
NAMES = [name if name in EMBEDDED else pytest.param(name, marks=pytest.mark.real_data) for name in DATASETS]


@pytest.fixture(scope="module", params=NAMES)
def dataset(request):
    if DATASETS.get(request.param).find() is None:
        pytest.skip(f"{request.param} is not prepared")
    return load(request.param)


def test_images_are_float32_in_zero_one(dataset):
    for split in (dataset.train, dataset.test):
        x = split.take(1000).x
        assert x.dtype == np.float32 and x.shape[1:] == dataset.image_shape and x.ndim == 4
        assert x.min() >= 0 and 0.9 < x.max() <= 1


def test_labels_are_indices_of_every_class(dataset):
    for split in (dataset.train, dataset.test):
        assert split.y.dtype == np.int32 and split.y.shape == (len(split),)
        assert set(split.y) == set(range(dataset.num_classes))


def test_is_what_describe_announces(dataset):
    row = next(row for row in describe() if row["name"] == dataset.name)
    assert row["prepared"] and (row["train"], row["test"]) == (len(dataset.train), len(dataset.test))
    assert row["shape"] == dataset.image_shape and row["classes"] == dataset.num_classes


def test_says_where_it_came_from(dataset):
    assert dataset.source and not dataset.same_split


def test_train_and_test_share_hardly_an_image(dataset):
    train = {image.tobytes() for image in dataset.train.images}
    shared = sum(image.tobytes() in train for image in dataset.test.images)
    assert shared <= 0.001 * len(dataset.test)


def test_train_validation_divides_the_training_split(dataset):
    train, validation = dataset.train_validation()
    assert len(validation) == round(0.1 * len(dataset.train))
    assert len(train) + len(validation) == len(dataset.train)
    together = np.sort(np.concatenate([train.y, validation.y]))
    assert np.array_equal(together, np.sort(dataset.train.y))


def test_reads_the_same_twice(dataset):
    again = load(dataset.name)
    for part in ("train", "test"):
        assert np.array_equal(getattr(again, part).images, getattr(dataset, part).images)
        assert np.array_equal(getattr(again, part).labels, getattr(dataset, part).labels)
