import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfadv import L2, PGD, LInf, attacks, gradients, models, random
from tfadv.attacks import substitute
from tfadv.attacks.transfer import Transfer
from tfadv.errors import TfadvError

THREAT = LInf(0.15)


def scaled(model, scale, offset):
    return keras.Model(model.input, keras.layers.Rescaling(scale, offset)(model.output))


@pytest.fixture
def logits_fn(classifiers):
    return gradients.logits_of(classifiers("mlp"))


def test_crafts_on_the_source_what_the_model_gets_right(classifiers, images, labels, predict):
    inner = PGD(steps=5)
    x_adv = Transfer(attack=inner, source=classifiers("cnn")).craft(
        classifiers("mlp"), tf.constant(images), tf.constant(labels), threat=THREAT, seed=random.key(5)
    )
    stands = predict(classifiers("mlp"), images) == labels
    assert 0 < stands.sum() < len(images)
    expected = inner.craft(
        classifiers("cnn"), tf.constant(images[stands]), tf.constant(labels[stands]),
        threat=THREAT, seed=random.key(random.key(5), 1),
    )  # fmt: skip
    assert np.array_equal(x_adv.numpy()[stands], expected)
    assert np.array_equal(x_adv.numpy()[~stands], images[~stands])


@pytest.mark.usefixtures("eagerly")
def test_a_file_a_directory_and_a_model_are_alike(classifiers, images, labels, tmp_path):
    source = classifiers("cnn")
    source.save(tmp_path / "model.keras")
    run = lambda source: Transfer(attack="pgd(steps=3)", source=source)(  # noqa: E731
        classifiers("mlp"), images, labels, threat=THREAT
    )
    for path in (tmp_path, str(tmp_path), tmp_path / "model.keras"):
        assert np.array_equal(run(path), run(source))
    text = str(Transfer(source=tmp_path))
    assert attacks.get(text) == Transfer(source=str(tmp_path)) and str(tmp_path) in text


def test_what_fools_the_source_fools_the_model_more_than_noise(classifiers, images, labels, predict):
    model, x, y = classifiers("mlp"), images, labels
    fooled = lambda attack: np.mean(predict(model, attack(model, x, y, threat=THREAT)) != y)  # noqa: E731
    transferred = fooled(Transfer(attack="pgd(steps=20)", source=classifiers("cnn")))
    assert fooled(attacks.get("noise")) + 0.2 < transferred < fooled(PGD(steps=20)) + 1e-9


def test_the_substitute_learns_the_labels_and_what_fools_it_transfers(classifiers, predict, monkeypatch):
    from toy_models import digits

    model, (x, _) = classifiers("mlp"), digits()
    known, held_out, learn = x[1000:1200], x[1200:1700], substitute.learn
    answers = tf.Variable(np.zeros([500, 10], "float32"))

    def examined(*given):
        learned = learn(*given)
        answers.assign(learned(held_out))
        return learned

    monkeypatch.setattr(substitute, "learn", examined)
    y = predict(model, known)
    fooled = lambda attack: np.mean(predict(model, attack(model, known, y, threat=THREAT)) != y)  # noqa: E731
    assert fooled(Transfer(attack="pgd(steps=20)", rounds=2)) > 2 * fooled(attacks.get("noise"))
    assert np.mean(tf.argmax(answers, -1).numpy() == predict(model, held_out)) > 0.85


@pytest.mark.usefixtures("eagerly")
def test_the_substitute_sees_nothing_but_labels(classifiers, images, labels, monkeypatch):
    monkeypatch.setattr(substitute, "STEPS", 5)
    model, attack = classifiers("mlp"), Transfer(attack="pgd(steps=4)", rounds=1)
    run = lambda model: attack(model, images, labels, threat=THREAT)  # noqa: E731
    assert np.array_equal(run(model), run(scaled(model, 7.0, -3.0)))
    assert not np.array_equal(run(model), run(scaled(model, -1.0, 0.0)))


def test_every_image_is_labelled_once(logits_fn, images, monkeypatch):
    monkeypatch.setattr(substitute, "STEPS", 1)
    asked = []

    def watched(x):
        asked.append(x.numpy())
        return logits_fn(x)

    substitute.learn(watched, tf.constant(images), 2, random.key(0))
    assert [len(x) for x in asked] == [32, 32, 64]
    # Each round asks about all images that are known, moved alike.
    for fresh, known in ((asked[1], asked[0]), (asked[2], np.concatenate(asked[:2]))):
        moves = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)]
        assert [move for move in moves if np.array_equal(fresh, np.roll(known, move, (1, 2)))] not in ([], [(0, 0)])


def test_adam_is_that_of_keras():
    rng = np.random.default_rng(0)
    variable, weights = tf.Variable(np.ones(5, np.float32)), tf.ones(5)
    theirs = keras.optimizers.Adam(substitute.RATE, *substitute.DECAYS, epsilon=substitute.FLOOR)
    mean = square = tf.zeros(5)
    for t in range(4):
        gradient = tf.constant(rng.normal(size=5).astype("float32"))
        theirs.apply_gradients([(gradient, variable)])
        weights, mean, square = substitute.adam(t, weights, gradient, mean, square)
        assert np.allclose(weights, variable, atol=1e-6)


def test_it_does_not_stop_where_the_substitute_is_fooled(classifiers):
    attack = Transfer(source=classifiers("cnn"))
    assert attack.until_fooled() == attack and attack.members(10, "linf") == (attack,)


def test_refuses_a_source_that_does_not_fit(classifiers, images, labels, tmp_path):
    run = lambda source: Transfer(source=source)(classifiers("mlp"), images, labels, threat=L2(1))  # noqa: E731
    with pytest.raises(TfadvError, match="transfer: source: expected a classifier of 10 classes, received one of 2"):
        run(classifiers("two_classes"))
    with pytest.raises(TfadvError, match="8 x 8 x 1|9 x 9 x 1"):
        run(models.build("linear", (9, 9, 1), 10))
    with pytest.raises(TfadvError, match="softmax"):
        run(classifiers("softmax"))
    with pytest.raises(TfadvError, match="transfer: source: expected .*There is no model"):
        Transfer(source=str(tmp_path / "no.keras"))
    with pytest.raises(TfadvError, match="transfer: source: expected .* holds no model.keras"):
        dataclasses.replace(Transfer(), source=tmp_path)
