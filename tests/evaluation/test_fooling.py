"""Every image that fooled the model is kept, exactly, and each batch is written once."""

import numpy as np
import pytest

from tfadv import files, runs
from tfadv.evaluation import metrics, results
from tfadv.evaluation.fooling import FoolingImages
from tfadv.evaluation.journal import Journal

SHAPE = (4, 4, 1)


def images(n, seed=0):
    return np.random.default_rng(seed).random((n, *SHAPE), np.float32)


def test_every_image_that_fooled_is_kept(result, classifiers, images, labels, tmp_path):
    at, x_adv = result.fooling["image"], result.fooling["x_adv"]
    np.testing.assert_array_equal(at, np.flatnonzero(result.arrays["broken_by"] >= 0))
    assert x_adv.dtype == np.float32 and len(x_adv) == result.arrays["clean"].sum() - result.arrays["robust"].sum() > 0
    assert not metrics.correct(classifiers("mlp"), x_adv, labels[at]).any()
    far = np.abs(x_adv - images[at]).max(axis=(1, 2, 3))
    np.testing.assert_allclose(far, result.arrays["distance"][at], atol=1e-7)
    read = results.load(result.save(tmp_path))
    assert read.fooling["x_adv"].tobytes() == x_adv.tobytes()
    read.save(tmp_path / "again")
    assert (tmp_path / "again" / runs.FOOLING).read_bytes() == (tmp_path / runs.FOOLING).read_bytes()


def test_a_result_is_read_without_the_images_that_fooled(result, tmp_path):
    result.save(tmp_path)
    (tmp_path / runs.FOOLING).write_bytes(b"damaged")
    read = results.load(tmp_path)
    with pytest.raises(ValueError, match="no .npz archive"):
        read.fooling["x_adv"]


def test_a_batch_is_written_once_and_costs_what_it_weighs(tmp_path, monkeypatch):
    written, write = [], files.write_npz
    monkeypatch.setattr(files, "write_npz", lambda path, **arrays: written.append(arrays) or write(path, **arrays))
    kept = FoolingImages(SHAPE, Journal(tmp_path, {"seed": 0}))
    for batch in range(3):
        kept.add(np.arange(2) + 2 * batch, images(2, batch))
    kept.add(np.arange(0), images(0))
    assert [len(arrays["x_adv"]) for arrays in written] == [2, 2, 2] and kept.batches == 3


def test_what_was_kept_is_taken_up_again(tmp_path):
    kept = FoolingImages(SHAPE, Journal(tmp_path, {"seed": 0}))
    kept.add(np.array([3, 5]), images(2))
    kept.add(np.array([7]), images(1, seed=1))
    again = FoolingImages(SHAPE, Journal(tmp_path, {"seed": 0}))
    assert again.resume(2) and again.batches == 2
    np.testing.assert_array_equal(again.of([7, 3, 5]), np.concatenate([images(1, seed=1), images(2)]))


@pytest.mark.parametrize("spoil", ["missing", "damaged", "of another evaluation"])
def test_without_all_of_it_the_evaluation_begins_anew(tmp_path, spoil):
    kept = FoolingImages(SHAPE, Journal(tmp_path, {"seed": 0}))
    kept.add(np.array([3, 5]), images(2))
    kept.add(np.array([7]), images(1))
    [*_, last] = sorted((tmp_path / runs.PARTIAL_BATCHES).iterdir())
    if spoil == "missing":
        last.unlink()
    elif spoil == "damaged":
        last.write_bytes(last.read_bytes()[:100])
    else:
        Journal(tmp_path, {"seed": 1}).keep(1, image=np.array([7]), x_adv=images(1))
    again = FoolingImages(SHAPE, Journal(tmp_path, {"seed": 0}))
    assert not again.resume(2) and again.batches == 0


def test_nothing_fooled_is_no_image(tmp_path):
    kept = FoolingImages(SHAPE, Journal(None, {}))
    assert kept.of([]).shape == (0, *SHAPE)
    kept.add(np.array([2]), images(1))
    assert kept.of([2]).shape == (1, *SHAPE) and not list(tmp_path.iterdir())
