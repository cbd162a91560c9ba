import numpy as np
import pytest
import tensorflow as tf

from tfadv import random
from tfadv.data import AUGMENTATIONS
from tfadv.data.augment import crop_flip, cutout, in_turn, mixup
from tfadv.errors import TfadvError

X = tf.constant(np.random.RandomState(0).rand(64, 5, 7, 2), tf.float32)
Y = tf.constant(np.random.RandomState(1).randint(0, 3, 64), tf.int32)


def test_same_seed_same_images_other_seed_others():
    for augment in (crop_flip(2), cutout(3), in_turn([mixup(1.0)], 3)):
        first = augment(X, Y, random.key(0, 1, 2))[0]
        assert first.shape == X.shape and np.array_equal(first, augment(X, Y, random.key(0, 1, 2))[0])
        assert not np.array_equal(first, augment(X, Y, random.key(0, 1, 3))[0])


def test_every_image_is_one_of_the_shifts_and_mirrors():
    result, padded = crop_flip(1)(X, Y, random.key(0))[0].numpy(), np.pad(X, [(0, 0), (1, 1), (1, 1), (0, 0)])
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
    assert AUGMENTATIONS.build("crop_flip(padding=0)")(X, Y, random.key(0))[0].shape == X.shape
    with pytest.raises(TfadvError, match="padding"):
        AUGMENTATIONS.build("crop_flip(padding=-1)")
    for wrong in ("cutout(size=0)", "mixup(alpha=0)", "mixup(alpha=True)"):
        with pytest.raises(TfadvError, match=f"{wrong.partition('(')[0]}: .*: expected a .*number"):
            AUGMENTATIONS.build(wrong)
    with pytest.raises(TfadvError, match="cutout: size: expected at most 5, the shorter side, received 6"):
        cutout(6)(X, Y, random.key(0))
    with pytest.raises(TfadvError, match="unknown augmentation 'flip'"):
        AUGMENTATIONS.build("flip")


def test_cutout_paints_one_square_that_the_border_may_cut():
    found, labels = cutout(3)(X + 0.1, Y, random.key(0))
    assert labels is Y
    black, seen = (found.numpy() == 0).all(axis=3), set()
    np.testing.assert_array_equal(found.numpy()[~black], (X + 0.1).numpy()[~black])
    for one in black:
        rows, columns = np.flatnonzero(one.any(axis=1)), np.flatnonzero(one.any(axis=0))
        assert one[np.ix_(rows, columns)].all() and one.sum() == len(rows) * len(columns)
        assert np.all(np.diff(rows) == 1) and np.all(np.diff(columns) == 1)
        seen.add((len(rows), len(columns)))
    assert seen == {(r, c) for r in (2, 3) for c in (2, 3)}


def test_mixup_mixes_images_and_labels_alike():
    x, y = (part.numpy() for part in in_turn([None, mixup(1.0)], 3)(X, Y, random.key(0)))
    np.testing.assert_allclose(y.sum(axis=1), 1, rtol=1e-6)
    certain = np.eye(3, dtype="float32")[Y]
    share = next(row[k] for row, k in zip(y, Y.numpy(), strict=True) if 0.01 < row[k] < 0.99)
    for i in range(len(x)):
        other = (x[i] - share * X[i]) / (1 - share)
        j = int(np.abs(X - other).max(axis=(1, 2, 3)).argmin())
        np.testing.assert_allclose(X[j], other, atol=1e-4)
        np.testing.assert_allclose(y[i], share * certain[i] + (1 - share) * certain[j], atol=1e-5)


def test_shares_of_mixup_are_of_the_beta_distribution():
    mix, ones = mixup(0.5), tf.constant([[1.0, 0.0], [0.0, 1.0]])
    images = tf.zeros((2, 1, 1, 1))
    shares = [float(mix(images, ones, random.key(seed))[1][0, 0]) for seed in range(150)]
    assert np.var(np.abs(shares)) == pytest.approx(1 / 8, abs=0.025)  # of Beta(a, a): 1 / (4 (2 a + 1))


def test_several_in_turn_draw_for_themselves():
    both = in_turn([crop_flip(1), cutout(3)], 3)(X, Y, random.key(0))[0]
    first = crop_flip(1)(X, Y, random.key(0))[0]
    changed = (both.numpy() != first.numpy()).any(axis=(1, 2, 3))
    assert changed.mean() > 0.9 and in_turn([None], 3) is None
