"""What holds for every registered attack under every norm that it supports. Newcomers are enrolled by name."""

import dataclasses
import functools

import numpy as np
import pytest
import tensorflow as tf

from attack_cases import (
    EPS,
    NAMES,
    NORMS_OF,
    SMALL,
    SUBJECT,
    assert_inside,
    ball,
    brief,
    craft,
    distance,
    highest_rise,
    loss,
    pairs,
    shortest,
    singles,
)
from tfadv import attacks, models, passes, random, threat
from tfadv.attacks import ATTACKS, substitute
from tfadv.attacks.base import Attack, MinimumNormAttack
from tfadv.errors import TfadvError
from toy_models import nan_gradients


@functools.cache
def model_of(shape):
    return nan_gradients(shape, 3) if shape[0] == 3 else models.build("linear", shape, 3)


@pytest.fixture(autouse=True)
def hardly_learns(monkeypatch):
    """Of substitutes; most tests hold whatever they know."""
    monkeypatch.setattr(substitute, "STEPS", 3)


@pytest.fixture
def learns(hardly_learns, monkeypatch):
    """Enough for classifiers as simple as ours."""
    monkeypatch.setattr(substitute, "STEPS", 80)


# Where all steps take seconds, and fewer go as far on a linear model.
FEWER = {"quick": {"steps": 5, "queries": 0}, "square": {"queries": 150}, "transfer": {"rounds": 0}}


@pairs
@pytest.mark.parametrize(("n", "eps", "corners"), [(2, 0.0, True), (1, 8 / 255, False), (3, 1e3, False)])
def test_stays_inside_ball_and_box(name, norm, n, eps, corners):
    rng = np.random.default_rng([n, *f"{name} {norm}".encode()])
    x = rng.uniform(0, 1, (n, 3, 2, 3)).astype("float32")
    x, y = np.round(x) if corners else x, rng.integers(0, 3, n)
    seed = int(rng.integers(-(2**63), 2**63 - 1))
    x_adv = craft(brief(name), model_of((3, 2, 3)), x, y, ball(norm, eps), seed=seed)
    assert_inside(x_adv, x, norm, eps)


@pairs
def test_stays_inside_with_a_single_pixel(name, norm):
    x, y = np.float32([0, 1, 1 / 255, 0.3]).reshape(4, 1, 1, 1), np.int32([0, 1, 2, 0])
    for eps in (8 / 255, 1e3):
        assert_inside(craft(brief(name), model_of((1, 1, 1)), x, y, ball(norm, eps)), x, norm, eps)


class Reckless(Attack):
    """An attack whose own code keeps no rule at all."""

    norms = tuple(threat.NORMS)

    def perturb(self, problem, threat, seed):
        wild = tf.constant([1e38, -1e38, np.nan, np.inf, -np.inf, 1e-40, 0.5, 3e20])
        return tf.reshape(tf.tile(wild, [tf.size(problem.x) // 8]), tf.shape(problem.x))

    def cost(self, classes):
        return 0


@pytest.mark.parametrize("norm", threat.NORMS)
@pytest.mark.parametrize("eps", [0, 0.01, 2.0])
def test_base_class_guarantees_what_an_attack_forgets(norm, eps, classifiers, images, labels):
    x_adv = Reckless()(classifiers("linear"), images, labels, threat=ball(norm, eps))
    assert_inside(x_adv, images, norm, eps)


@singles
@pytest.mark.parametrize("model", ["nan_gradients", "saturated", "constant", "two_classes"])
def test_stays_inside_on_difficult_models(name, norm, model, classifiers, images, labels):
    y = labels % 2 if model == "two_classes" else labels
    assert_inside(craft(brief(name), classifiers(model), images, y, ball(norm)), images, norm, EPS[norm])


@singles
def test_nan_gradients_do_not_stop_it(name, norm, classifiers, images, predict):
    """sqrt has no finite gradient at half of the pixels; the others still lead across the boundary."""
    if attacks.get(name).black_box:
        pytest.skip("it follows no gradient of this model")
    model = classifiers("nan_gradients")
    y = predict(model, images)
    x_adv = craft(brief(name, steps=10), model, images, y, ball(norm))
    assert np.mean(loss(y, model(x_adv)) > loss(y, model(images))) > 0.8


@singles
def test_eps_zero_is_the_identity(name, norm, classifiers, images, labels):
    assert np.array_equal(brief(name)(classifiers(SUBJECT), images, labels, threat=ball(norm, 0)), images)


@singles
@pytest.mark.parametrize("n", [1, 7])
def test_any_number_of_images(name, norm, n, classifiers, images, labels):
    x_adv = brief(name)(classifiers(SUBJECT), images[:n], labels[:n], threat=ball(norm))
    assert_inside(x_adv, images[:n], norm, EPS[norm])


@singles
def test_ragged_batches_new_eps_and_new_seeds_do_not_retrace(name, norm, classifiers, images, labels, monkeypatch):
    attack, model, traced = brief(name), classifiers(SUBJECT), []

    def run(n, size, eps, seed):
        attack(model, images[:n], labels[:n], threat=ball(norm, eps), seed=seed, batch_size=size)

    # One free batch size, and full batches under XLA where that pays; attacks within it are traced along with it.
    run(27, 16, eps=EPS[norm], seed=0)
    whole = Attack.perturb_projected
    monkeypatch.setattr(Attack, "perturb_projected", lambda self, *a: traced.append(self) or whole(self, *a))
    run(3, 500, eps=EPS[norm], seed=0)
    run(19, 16, eps=SMALL[norm], seed=1)
    assert not traced


@singles
def test_same_seed_same_bits_other_seed_other_bits(name, norm, classifiers, images, labels):
    run = lambda seed: brief(name)(classifiers(SUBJECT), images, labels, threat=ball(norm), seed=seed)  # noqa: E731
    assert np.array_equal(run(3), run(3))
    seeded = brief(name).seeded
    assert np.array_equal(run(3), run(2**40 + 3)) is not seeded
    assert np.array_equal(run(3), run(4)) is not seeded


@pytest.mark.parametrize("name", NAMES)
def test_model_is_left_as_it_was(name, classifiers, images, labels):
    model = classifiers(SUBJECT)
    state = model.variables
    assert any("seed" in v.path for v in state) and any("moving" in v.path for v in state)
    before = [np.array(v) for v in state]
    brief(name)(model, images, labels, threat=ball(NORMS_OF[name][0]))
    assert all(np.array_equal(old, new) for old, new in zip(before, state, strict=True))


@pairs
def test_reaches_the_optimum_of_a_linear_model(learns, name, norm, classifiers, gray, predict):
    """Two classes and no pixel near the box: the margin drops by eps times the dual norm of w."""
    model, attack = classifiers("two_classes"), dataclasses.replace(attacks.get(name), **FEWER.get(name, {}))
    if isinstance(attack, MinimumNormAttack):
        pytest.skip("it looks for the nearest boundary, see the next test")
    y = predict(model, gray)
    kernel = model.layers[-1].kernel.numpy()
    w = kernel[:, 1] - kernel[:, 0]
    sign, eps = np.where(y == 1, 1, -1), 3 if norm == "l0" else 0.1
    x_adv = craft(attack, model, gray, y, ball(norm, eps))
    gap = lambda x: (model(x).numpy() @ [-1, 1]) * sign  # noqa: E731
    optimum = highest_rise(norm, -sign[:, None] * w, gray.reshape(len(gray), -1), eps)
    drop = gap(gray) - gap(x_adv)
    assert (drop <= optimum * (1 + 1e-4)).all()
    if attack.black_box:  # it stops where the label changes, or cannot know the way
        assert (drop > 0).all()
        return
    # A random start in l2 and l1 is still a few degrees off the best direction after the last step; in l0 the gradient
    # does not tell that pixels of 0.6 have less room than those of 0.4.
    assert (drop >= optimum * (2 / 3 if norm == "l0" else 0.95 if attack.seeded else 1 - 1e-4)).all()


@pairs
def test_minimum_norm_attacks_find_the_nearest_hyperplane(name, norm, classifiers, gray, predict):
    attack, model = attacks.get(name), classifiers("linear")
    if not isinstance(attack, MinimumNormAttack):
        pytest.skip("it maximizes a loss, see the test before")
    kernel, z, y = model.layers[-1].kernel.numpy(), model(gray).numpy(), predict(model, gray)
    w = kernel.T[None] - kernel.T[y][:, None]
    gap = z[np.arange(len(y)), y][:, None] - z
    exact = shortest(norm, w, gray.reshape(len(gray), 1, -1), gap).min(axis=1)
    found = attack.minimal(model, gray, y, norm=norm)
    assert (predict(model, found) != y).all()
    ratio = distance(norm, found, gray) / exact
    # Without gradients it comes near, and so it does with those of the cross-entropy, a mean of several boundaries'.
    if attack.optimality != "nearest" or attack.black_box or getattr(attack, "loss", None) == "ce":
        assert (ratio >= 1 - 1e-4).all()
        assert np.median(ratio) < (np.inf if attack.optimality == "beyond" else 1.5)
        return
    # DeepFool oversteps by 2%.
    assert (ratio > 1 - 1e-3).all() and (ratio < 1.021 + 2e-4 / exact).all()


@pairs
@pytest.mark.parametrize("option", ["steps", "restarts"])
def test_more_is_never_worse_where_the_best_is_kept(name, norm, option, classifiers, images, labels, predict):
    if not {option, "keep_best"} <= {f.name for f in dataclasses.fields(attacks.get(name))}:
        pytest.skip(f"it has no {option} and keep_best")
    x, y = images, labels
    # A step as long as the ball is wide jumps about, so that the last point is often not the best one.
    options = {"step_size": 1.5 * SMALL[norm]}
    model = classifiers("cnn")
    worst = []
    for amount in (1, 2, 4):
        x_adv = craft(brief(name, **{**options, option: amount}), model, x, y, ball(norm, SMALL[norm]))
        worst.append((predict(model, x_adv) != y, loss(y, model(x_adv))))
    for (reached, height), (more_reached, more_height) in zip(worst, worst[1:], strict=False):
        assert (more_reached >= reached).all()
        assert (more_height >= height - 1e-5)[reached == more_reached].all()


@singles
def test_targeted_lowers_the_loss_of_the_target(learns, name, norm, classifiers, images, labels):
    targets = (labels + 3) % 10
    model = classifiers("cnn")
    x_adv = craft(brief(name, steps=6, draws=10), model, images, labels, ball(norm), targets)
    assert_inside(x_adv, images, norm, EPS[norm])
    before, after = (loss(targets, model(z)) for z in (images, x_adv))
    assert np.mean(after < before) > 0.9 and after.mean() < before.mean()  # some climb another loss than this one


@pytest.mark.parametrize("name", NAMES)
def test_is_an_immutable_value(name):
    attack = attacks.get(name)
    with pytest.raises(dataclasses.FrozenInstanceError):
        attack.loss = "ce"
    assert {attack: 1}[ATTACKS.get(name)()] == 1


@singles
def test_xla_and_eager_agree_with_the_graph(name, norm, classifiers, images, labels):
    model, attack, within = classifiers(SUBJECT), brief(name), ball(norm)
    images, labels = images[:16], labels[:16]
    plain = attack(model, images, labels, threat=within, batch_size=500)
    full = attack(model, images, labels, threat=within, batch_size=len(images))
    eager = attack.craft(model, tf.constant(images), tf.constant(labels), threat=within, seed=random.key(0, 0))
    for other in (full, eager.numpy()):
        # Rounding may turn the sign of a vanishing gradient: a few pixels may differ, most may not.
        assert np.mean(np.abs(other - plain) > 1e-4) < 0.01
        assert np.abs(model(other).numpy() - model(plain).numpy()).max() < 0.05


@pytest.mark.parametrize("name", NAMES)
def test_passes_are_counted_and_never_more_than_it_says(name, classifiers, images, labels):
    attack, within = brief(name), ball(ATTACKS.get(name).norms[0])
    before = passes.counts()
    attack(classifiers(SUBJECT), images, labels, threat=within)
    forward, backward = (after - was for after, was in zip(passes.counts(), before, strict=True))
    most = attack.cost(10)
    assert 0 < forward <= most.forward * len(images)
    assert (backward == 0) if attack.black_box else (0 < backward <= most.backward * len(images))


@pytest.mark.parametrize("name", NAMES)
def test_refuses_a_norm_it_does_not_know(name, classifiers, images, labels):
    for norm in set(threat.NORMS) - set(attacks.get(name).norms):
        with pytest.raises(TfadvError, match=f"{name}: norm: expected .*received '{norm}'"):
            attacks.get(name)(classifiers("linear"), images, labels, threat=ball(norm))
