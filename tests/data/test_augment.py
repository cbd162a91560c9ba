import numpy as np
import pytest
import tensorflow as tf

from tfadv import random
from tfadv.data import AUGMENTATIONS
from tfadv.data.augment import crop_flip
from tfadv.errors import TfadvError

X = tf.constant(np.random.RandomState(0).rand(64, 5, 7, 2), tf.float32)


def test_same_seed_same_images_other_seed_others():
    augment = crop_flip(2)
    first = augment(X, random.key(0, 1, 2))
    assert first.shape == X.shape and np.array_equal(first, augment(X, random.key(0, 1, 2)))
    assert not np.array_equal(first, augment(X, random.key(0, 1, 3)))


def test_every_image_is_one_of_the_shifts_and_mirrors():
    result, padded = crop_flip(1)(X, random.key(0)).numpy(), np.pad(X, [(0, 0), (1, 1), (1, 1), (0, 0)])
    seen = set()
    for i in range(len(X)):
        windows = {(r, c): padded[i, r : r + 5, c : c + 7] for r in range(3) for c in range(3)}
        forms = {(*at, flip): w[:, ::flip] for at, w in windows.items() for flip in (1, -1)}
        matches = [key for key, form in forms.items() if np.array_equal(form, result[i])]
        assert len(matches) == 1
        seen.update(matches)
    assert len(seen) > 12  # of 18, in 64 draws


def test_spec_words():
    assert AUGMENTATIONS.build("none") is None
    assert AUGMENTATIONS.build("crop_flip(padding=0)")(X, random.key(0)).shape == X.shape
    with pytest.raises(TfadvError, match="padding"):
        AUGMENTATIONS.build("crop_flip(padding=-1)")
    with pytest.raises(TfadvError, match="unknown augmentation 'flip'"):
        AUGMENTATIONS.build("flip")
