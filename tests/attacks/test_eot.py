import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tfadv import PGD, LInf, attacks, gradients, passes, random
from tfadv.attacks import eot
from tfadv.attacks.base import Attack
from tfadv.attacks.eot import EOT
from tfadv.attacks.problem import Problem
from tfadv.errors import TfadvError
from tfadv.evaluation import metrics
from tfadv.passes import Passes
from toy_models import classifier
from trap_models import SeededNoise, behind, trap

WITHIN = LInf(0.2)
N = 400  # copies of one image: their mean is one over as many draws more
W = tf.constant([[0.5, -1.0], [2.0, 0.0], [-1.0, 1.5]])
X, LABELS = tf.tile(tf.constant([0.2, 0.9, 0.4]), [N]), tf.zeros([N], tf.int32)
X = tf.reshape(X, [N, 1, 3, 1])
DEVIATION = 2.0


# With a seed of its own: that of TensorFlow makes it forget how to run what is compiled.
DRAWS = tf.random.Generator.from_seed(0)


@pytest.fixture(autouse=True)
def _seeded():
    DRAWS.reset_from_seed(0)


def noisy_logits(x):
    """Two logits whose difference z_0 - z_1 has normal noise of deviation 2."""
    noise = DEVIATION * DRAWS.normal([tf.shape(x)[0], 1])
    return tf.reshape(x, [-1, 3]) @ W + noise * [[0.5, -0.5]]


def under_noise(function):
    """E function(m) over m = w . x + noise, by Gauss-Hermite quadrature."""
    points, weights = np.polynomial.hermite_e.hermegauss(60)
    mean = float((X[0, 0, :, 0].numpy() @ W.numpy()) @ [1, -1])
    return (weights * function(mean + DEVIATION * points)).sum() / weights.sum()


def sigmoid(m):
    return 1 / (1 + np.exp(-m))


# d/dm of the loss that is raised, for the margin m = z_0 - z_1 of label 0: L = -log sigmoid(m).
SLOPES = {
    "gradients": lambda: -under_noise(lambda m: sigmoid(-m)),
    "logits": lambda: -sigmoid(-under_noise(lambda m: m)),
    "probabilities": lambda: -under_noise(lambda m: sigmoid(m) * sigmoid(-m)) / under_noise(sigmoid),
}


@pytest.mark.parametrize("average", eot.AVERAGES)
def test_gradients_are_those_of_the_integral(average):
    problem = eot.averaged(Problem(noisy_logits, X, LABELS), 100, average)
    logits, loss, gradient = tf.function(lambda x: problem.ascend("ce", x), autograph=False)(X)
    found = gradient.numpy().mean(axis=0).ravel()
    exact = SLOPES[average]() * (W[:, 0] - W[:, 1]).numpy()
    assert np.allclose(found, exact, rtol=0.04)  # the mean of 40,000 draws is off by 1 %
    others = [SLOPES[other]() for other in eot.AVERAGES if other != average]
    assert min(abs(SLOPES[average]() / other - 1) for other in others) > 0.1, "the three must differ"
    assert np.allclose(loss, problem.loss("ce", logits))


def test_logits_are_means_and_so_is_success():
    once = Problem(noisy_logits, X, LABELS)
    mean = eot.averaged(once, 100)
    assert 0.1 < np.mean(once.reached(once.logits_fn(X))) < 0.9
    assert not np.any(mean.reached(mean.logits_fn(X)))
    deviation = [np.std(p.logits_fn(X)[:, 0]) for p in (once, mean)]
    assert abs(deviation[0] / DEVIATION * 2 - 1) < 0.15 and abs(deviation[0] / deviation[1] - 10) < 1.5


@pytest.mark.parametrize("compiled", [True, False])
def test_pullbacks_are_means_over_draws_of_their_own(compiled):
    """z = W (x (1 + noise)): the derivative in the direction d is W d (1 + noise)."""

    def logits_fn(x):
        return tf.reshape(x * (1 + DRAWS.normal(tf.shape(x))), [-1, 3]) @ W

    problem = eot.averaged(Problem(logits_fn, X, LABELS), 50)

    def both(x):
        _, pullback = gradients.logits_and_pullback(problem.logits_fn, x)
        return [pullback(tf.tile([direction], [N, 1])) for direction in ([1.0, 0.0], [1.0, -1.0])]

    for found, exact in zip((tf.function(both) if compiled else both)(X), (W[:, 0], W[:, 0] - W[:, 1]), strict=True):
        found = found.numpy().reshape(N, 3)
        assert np.allclose(found.mean(axis=0), exact, atol=0.05)
        assert np.allclose(found.std(axis=0), np.abs(exact) / np.sqrt(50), rtol=0.2, atol=1e-6)


@pytest.mark.parametrize("model", ["noisy", "noisy_unseeded"])
def test_draws_of_keras_and_of_tensorflow_differ_from_each_other(model, images, labels):
    """The more draws, the less the mean gradient depends on them, as the square root says."""
    problem = Problem(gradients.logits_of(trap(model)), tf.constant(images[:4]), tf.constant(labels[:4]))

    def spread(draws):
        ascend = tf.function(lambda: eot.averaged(problem, draws).ascend("margin", problem.x)[2], autograph=False)
        return np.std([ascend().numpy() for _ in range(20)], axis=0).mean()

    assert 0.7 < spread(8) / spread(128) / 4 < 1.4


@pytest.mark.parametrize(
    ("inner", "options"),
    [("pgd(steps=3)", f"average={average}") for average in eot.AVERAGES]
    + [("deepfool(steps=2, classes=2)", "firm=True")],
)
@pytest.mark.usefixtures("eagerly")
def test_changes_nothing_where_nothing_is_random(inner, options, classifiers, images, labels):
    run = lambda spec: attacks.get(spec)(classifiers("mlp"), images, labels, threat=WITHIN)  # noqa: E731
    found, expected = run(f"eot(attack={inner}, draws=3, {options})"), run(inner)
    assert np.mean(np.abs(found - expected) > 1e-4) < 0.01


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize("average", eot.AVERAGES)
def test_asks_so_many_times_as_often(average, classifiers, images, labels):
    def asked(spec):
        before = passes.counts()
        attacks.get(spec)(classifiers("cnn"), images, labels, threat=WITHIN)
        return np.subtract(passes.counts(), before)

    forward, backward = asked("pgd(steps=3)")
    extra = 5 * backward if average != "gradients" else 0
    assert asked(f"eot(attack=pgd(steps=3), draws=5, average={average})").tolist() == [
        5 * forward + extra,
        5 * backward,
    ]


def accuracy(model, x, y, passes=30):
    return np.mean(np.mean([model(x, training=False) for _ in range(passes)], axis=0).argmax(axis=1) == y)


@pytest.fixture(scope="module")
def many():
    from toy_models import digits

    return digits()[0][1000:1100], digits()[1][1000:1100]


@pytest.mark.parametrize(("model", "draws", "gain"), [("noisy", 10, 0.2), ("drowned", 20, 0.3)])
def test_breaks_what_one_draw_does_not(model, draws, gain, many):
    x, y = many
    model = trap(model)
    once, mean = (
        accuracy(model, attacks.get(spec)(model, x, y, threat=WITHIN), y)
        for spec in ("pgd(steps=10)", f"eot(attack=pgd(steps=10), draws={draws})")
    )
    assert accuracy(model, x, y) > 0.85 and mean < 0.4 and mean < once - gain


def test_does_not_stop_at_a_lucky_draw(many):
    """An attack that stops at the first success on a random model ends where it was lucky once."""
    x, y = many
    model, attack = trap("noisy"), EOT(attack=PGD(steps=10), draws=10)
    assert attack.until_fooled() == attack and PGD(steps=10).until_fooled() == PGD(steps=10, early_stop=True)
    lucky = accuracy(model, PGD(steps=10, early_stop=True)(model, x, y, threat=WITHIN), y)
    assert accuracy(model, attack.until_fooled()(model, x, y, threat=WITHIN), y) < lucky - 0.3


class Unregistered(Attack):
    """An attack from outside tfadv: knows one norm, and no draws."""

    norms = ("l2",)
    name = "unregistered"

    def perturb(self, problem, threat, seed):
        return problem.x

    def cost(self, classes):
        return Passes(1, 0)


def test_a_firm_success_is_one_that_a_single_draw_hardly_turns():
    spread = eot.deviation(eot.averaged(Problem(noisy_logits, X, LABELS), 4))
    assert abs(spread / DEVIATION - 1) < 0.1
    sure = dataclasses.replace(eot.averaged(Problem(noisy_logits, X, LABELS), 4), slack=2 * spread)
    margins = tf.constant([-0.1, 0.1, 1.9 * DEVIATION, 2.2 * DEVIATION])
    z, y = tf.stack([-margins / 2, margins / 2], axis=1), LABELS[:4]
    assert dataclasses.replace(sure, labels=y).reached(z).numpy().tolist() == [False, False, False, True]
    assert eot.averaged(Problem(noisy_logits, X, y), 4).reached(z).numpy().tolist() == [False, True, True, True]
    assert EOT(attack=PGD(), firm=True).until_fooled() == EOT(attack=PGD(early_stop=True), firm=True)
    assert sure.only(tf.constant([1])).slack == sure.slack


def test_noise_that_the_image_seeds_is_drawn_anew(many):
    """One gradient follows the one noise that an image meets; of its neighbors some are fooled by luck."""
    x, y = many
    model = behind(SeededNoise(0.2), classifier("cnn"))
    right = lambda spec: metrics.correct(model, attacks.get(spec)(model, x, y, threat=LInf(0.05)), y)  # noqa: E731
    once, mean = right("pgd(steps=10)"), right("eot(attack=pgd(steps=10), draws=5, jitter=1e-4)")
    assert mean.mean() < once.mean() - 0.1
    move = eot.jitters(1e-3, WITHIN, random.key(0))
    steps = move(tf.constant(x), 0) - x, move(tf.constant(x), 1) - x
    assert all(0 < np.abs(step).max() <= 1e-3 for step in steps) and not np.allclose(*steps)


def test_rows_are_images_to_every_draw():
    expected = eot.averaged(Problem(noisy_logits, X, LABELS), 3).flattened()
    assert expected.x.shape == (N, 3) and expected.ascend("ce", expected.x)[2].shape == (N, 3)


def test_hands_on_what_the_attack_within_says():
    assert str(EOT(attack="pgd")) == "eot(attack=pgd(steps=40), draws=20)" == str(EOT(attack=PGD()))
    assert EOT(attack=PGD()) == EOT(attack="pgd(steps=40)") and EOT().inner == PGD()
    assert EOT(attack=PGD(early_stop=True)).xla_compatible is False and EOT(attack="fgsm").seeded is False
    assert EOT(attack="fgsm", draws=7).cost(10) == Passes(14, 7)
    around = EOT(attack=Unregistered(), draws=2)
    assert around.inner == Unregistered() and around.cost(10) == Passes(2, 0)
    assert EOT(attack="fgsm", draws=7, firm=True).cost(10) == Passes(24, 7)
    assert EOT(attack="fgsm", draws=7, jitter=1e-6).cost(10) == Passes(109, 7) and EOT(attack="fgsm", jitter=1).seeded
    with pytest.raises(TfadvError, match="unregistered: norm"):
        around.check_norm("linf")


def test_of_an_ensemble_each_member_is_wrapped():
    whole = EOT(attack="autoattack", draws=5)
    inner = attacks.get("autoattack").members(10, "linf")
    assert whole.members(10, "linf") == tuple(EOT(attack=member, draws=5) for member in inner) and len(inner) > 1
    assert EOT().members(10, "linf") == (EOT(),)


def test_says_what_is_wrong_with_the_attack_within():
    with pytest.raises(TfadvError, match="eot: attack: expected the spec of an attack.*Unknown attack 'pdg'"):
        attacks.get("eot(attack=pdg)")
    with pytest.raises(TfadvError, match="eot: attack: .*no option 'stepz'"):
        attacks.get("eot(attack=pgd(stepz=3))")
    with pytest.raises(TfadvError, match="eot: attack: expected an attack or its spec, received 3"):
        EOT(attack=3)
