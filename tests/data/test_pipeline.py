import itertools

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tfadv.data.augment import crop_flip
from tfadv.data.pipeline import batches, ordered, steps_per_epoch
from tfadv.data.split import Split
from tfadv.errors import TfadvError


def numbered(n):
    """A split whose pixels and labels tell which example it is."""
    return Split(np.arange(n, dtype="uint8").reshape(n, 1, 1, 1), np.arange(n))


def labels(dataset, count=None):
    return [y.numpy().tolist() for _, y in itertools.islice(dataset, count)]


@settings(deadline=None, max_examples=15)
@given(n=st.integers(1, 40), batch_size=st.integers(1, 40), seed=st.integers(0, 2**31 - 1))
def test_every_epoch_covers_every_example_once(n, batch_size, seed):
    seen = labels(batches(numbered(n), batch_size, seed=seed, epochs=2, drop_remainder=False))
    steps = steps_per_epoch(n, batch_size, drop_remainder=False)
    assert len(seen) == 2 * steps
    for epoch in (seen[:steps], seen[steps:]):
        assert sorted(itertools.chain(*epoch)) == list(range(n))


def test_each_epoch_and_each_seed_has_its_own_order():
    first, second = labels(batches(numbered(50), 50, seed=1, epochs=2))
    assert first != second != labels(batches(numbered(50), 50, seed=2, epochs=1))[0] != first
    assert [first, second] == labels(batches(numbered(50), 50, seed=1, epochs=2))


def test_images_stay_with_their_labels_and_are_scaled():
    for x, y in batches(numbered(50), 8, epochs=1):
        assert x.dtype == tf.float32 and y.dtype == tf.int32 and x.shape == (8, 1, 1, 1)
        assert np.array_equal(x.numpy().ravel(), y.numpy().astype("float32") / np.float32(255))


def test_resumes_exactly_at_an_epoch_and_at_a_step():
    def stream(**options):
        return batches(split, 4, seed=3, augment=crop_flip(1), **options)

    split = Split(np.random.RandomState(0).rand(18, 5, 5, 1), np.arange(18))
    whole = [x.numpy() for x, _ in itertools.islice(stream(), 12)]
    resumed = [x.numpy() for x, _ in itertools.islice(stream(first_epoch=1), 8)]
    assert np.array_equal(whole[4:], resumed)
    assert np.array_equal(whole[6:], [x.numpy() for x, _ in itertools.islice(stream(first_epoch=1).skip(2), 6)])


def test_augments_anew_in_each_epoch_and_step():
    split = Split(np.tile(np.random.RandomState(0).rand(1, 9, 9, 1), (8, 1, 1, 1)), np.zeros(8, int))
    seen = [x.numpy().tobytes() for x, _ in batches(split, 4, epochs=3, augment=crop_flip(3))]
    assert len(seen) == len(set(seen)) == 6


def test_cardinality_and_static_shapes():
    assert batches(numbered(10), 4, epochs=3, first_epoch=5).cardinality() == 6
    assert len(labels(batches(numbered(10), 4, epochs=3, first_epoch=5))) == 6
    assert batches(numbered(10), 4).cardinality() == tf.data.INFINITE_CARDINALITY
    assert batches(numbered(10), 4).element_spec[0].shape == (4, 1, 1, 1)


def test_ordered_is_the_data_order_with_the_remainder():
    assert labels(ordered(numbered(10), 4)) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert labels(ordered(numbered(3), 100)) == [[0, 1, 2]]
    x = np.concatenate([x for x, _ in ordered(numbered(200), 64)])
    assert np.array_equal(x, numbered(200).x)


@pytest.mark.parametrize("batch_size", [0, -1, 11])
def test_refuses_batches_that_cannot_be_filled(batch_size):
    with pytest.raises(TfadvError, match="batch size: expected 1 to 10"):
        batches(numbered(10), batch_size)


def test_fit_takes_it():
    import keras

    model = keras.Sequential([keras.Input((1, 1, 1)), keras.layers.Flatten(), keras.layers.Dense(10)])
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    stream, validation = batches(numbered(10), 4), ordered(numbered(10), 4)
    history = model.fit(stream, steps_per_epoch=2, epochs=2, validation_data=validation, verbose=0, shuffle=False)
    assert len(history.history["val_loss"]) == 2
