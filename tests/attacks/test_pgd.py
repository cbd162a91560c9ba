import numpy as np
import pytest
import tensorflow as tf
from relu_network import Relu
from scipy.special import softmax

from tfadv import FGSM, L1, L2, PGD, LInf, random
from tfadv.attacks.pgd import Best
from tfadv.errors import TfadvError

pytestmark = pytest.mark.usefixtures("eagerly")


def by_hand(model, x, y, threat, steps, size, start, momentum=0.0):
    """Every iterate of plain PGD, one step at a time: steps + 1 arrays."""
    x, points, velocity = tf.constant(x), [tf.constant(start)], 0.0
    for _ in range(steps):
        with tf.GradientTape() as tape:
            tape.watch(points[-1])
            loss = tf.nn.sparse_softmax_cross_entropy_with_logits(y, model(points[-1]))
        gradient = tape.gradient(loss, points[-1])
        if momentum:
            velocity = momentum * velocity + gradient / tf.reduce_sum(tf.abs(gradient), [1, 2, 3], keepdims=True)
            gradient = velocity
        points.append(threat.project(points[-1] + size * threat.steepest(gradient, points[-1]), x))
    return [point.numpy() for point in points]


def close(one, other):
    return np.mean(np.abs(one - other) > 1e-5) < 0.005


@pytest.mark.parametrize("threat", [LInf(0.08), L2(0.4), L1(3.0)], ids=str)
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_last_point_is_the_loop_written_out(threat, momentum, classifiers, images, labels):
    model = classifiers("cnn")
    attack = PGD(steps=4, random_start=False, keep_best=False, momentum=momentum)
    points = by_hand(model, images, labels, threat, 4, 2.5 * threat.eps / 4, images, momentum)
    assert close(attack(model, images, labels, threat=threat), points[-1])


def test_eps_over_t_needs_no_projection_to_stay_in_the_ball(classifiers, gray):
    model, y = classifiers("cnn"), np.zeros(len(gray), int)
    attack = PGD(steps=5, step_size="eps/T", random_start=False, keep_best=False)
    unprojected = by_hand(model, gray, y, LInf(1.0), 5, 0.1 / 5, gray)[-1]
    assert close(attack(model, gray, y, threat=LInf(0.1)), unprojected)


def test_keeps_the_best_point_of_all_runs(classifiers, images, labels):
    """Misclassified before not misclassified, then the higher loss, over every iterate of every restart."""
    model, threat, x = classifiers("cnn"), LInf(0.05), tf.constant(images)
    attack = PGD(steps=4, step_size=0.06, restarts=2)
    points = []
    for run in range(2):
        start = threat.random_start(x, random.key(random.key(0, 0), run))
        points += by_hand(model, images, labels, threat, 4, 0.06, start)
    logits = np.stack([model(point).numpy() for point in points])
    loss = np.stack([tf.nn.sparse_softmax_cross_entropy_with_logits(labels, z) for z in logits])
    best = (1000.0 * (logits.argmax(-1) != labels) + loss).argmax(0)
    assert len(set(best)) > 2, "the fixture must make the choice matter"
    expected = np.stack(points)[best, np.arange(len(images))]
    found = attack(model, images, labels, threat=threat)
    assert np.mean([close(one, other) for one, other in zip(found, expected, strict=True)]) > 0.9


def test_best_prefers_reached_then_loss_and_ignores_nan():
    x = tf.zeros([5, 1, 1, 1])
    best = Best(x, tf.constant([True, False, True, False, False]), tf.constant([1.0, 1.0, 1.0, 1.0, 1.0]))
    reached, loss = tf.constant([False, True, True, False, False]), tf.constant([9.0, 0.0, 2.0, 0.5, np.nan])
    kept = best.keep(x + 1, reached, loss)
    assert kept.x.numpy().ravel().tolist() == [0, 1, 1, 0, 0]
    assert kept.reached.numpy().tolist() == [True, True, True, False, False]
    assert kept.loss.numpy().tolist() == [1, 0, 2, 1, 1]


def test_one_step_without_start_is_fgsm(classifiers, images, labels):
    one = PGD(steps=1, step_size="eps/T", random_start=False, keep_best=False)
    model = classifiers("mlp")
    assert np.array_equal(*(a(model, images, labels, threat=LInf(0.1)) for a in (one, FGSM())))


def test_is_stronger_than_fgsm(classifiers, images, labels, predict):
    model = classifiers("cnn")
    wrong = [
        np.mean(predict(model, a(model, images, labels, threat=LInf(0.1))) != labels)
        for a in (FGSM(), PGD(steps=10, restarts=2))
    ]
    assert wrong[1] > wrong[0]


def test_kl_steps_away_from_what_the_clean_image_says(classifiers, images, labels):
    """TRADES, eq. 5: by hand, where the gradient of KL(p || softmax z) for z is softmax z - p."""
    model, network = classifiers("mlp"), Relu(classifiers("mlp"))
    attack = PGD(steps=3, step_size=0.02, loss="kl", keep_best=False, random_start=0.001)
    x = tf.constant(images[:4])
    x_adv = attack.craft(model, x, tf.constant(labels[:4]), threat=LInf(0.1), seed=random.key(5)).numpy()
    noise = 0.001 * random.normal([4, 64], random.key(random.key(5), 0)).numpy()
    for k, image in enumerate(images[:4].reshape(4, 64).astype("float64")):
        point = np.clip(image + noise[k], 0, 1)
        for _ in range(3):
            away = softmax(network(point)) - softmax(network(image))
            point = np.clip(point + 0.02 * np.sign(away @ network.gradients(point)), image - 0.1, image + 0.1)
            point = np.clip(point, 0, 1)
        assert close(x_adv[k].ravel(), point)


def test_kl_compares_with_the_reference_it_is_given(classifiers, images, labels):
    model, x = classifiers("mlp"), tf.constant(images)
    crafted = lambda **given: PGD(steps=2, loss="kl").craft(  # noqa: E731
        model, x, tf.constant(labels), threat=LInf(0.1), seed=random.key(0), **given
    )
    assert np.array_equal(crafted(), crafted(reference=model(x)))
    assert not np.array_equal(crafted(), crafted(reference=-model(x)))


def test_kl_needs_a_random_start_and_no_targets(classifiers, images, labels):
    with pytest.raises(TfadvError, match="pgd: random_start: expected True with loss=kl"):
        PGD(loss="kl", random_start=False)
    with pytest.raises(TfadvError, match="loss: expected one that knows targets, received kl"):
        PGD(loss="kl")(classifiers("mlp"), images, labels, threat=LInf(0.1), targets=labels)


@pytest.mark.parametrize("value", [1.0, 0.0, -0.1, 2, float("nan"), "x"])
def test_a_random_start_is_a_flag_or_a_standard_deviation(value):
    with pytest.raises(TfadvError, match="pgd: random_start: expected True, False or a number"):
        PGD(random_start=value)


def test_restarts_need_a_random_start():
    with pytest.raises(TfadvError, match="pgd: restarts: expected 1 without a random start, received 2"):
        PGD(restarts=2, random_start=False)


def test_dlr_on_two_classes_is_refused(classifiers, images, labels):
    with pytest.raises(TfadvError, match="dlr needs at least 3 classes, the model has 2"):
        PGD(loss="dlr")(classifiers("two_classes"), images, labels % 2, threat=LInf(0.1))


def test_projected_steps_are_as_strong_as_steps_of_eps_over_t(classifiers, images, labels, predict):
    """Spec `pgd-eps-over-T`: with 20 steps or more, the projected form is at least as strong on a plain network."""
    model = classifiers("mlp")
    small = PGD(steps=20, step_size="eps/T", random_start=False)
    for eps in (0.05, 0.1, 0.2):
        right = [
            (predict(model, attack(model, images, labels, threat=LInf(eps))) == labels).sum()
            for attack in (PGD(steps=20), small)
        ]
        assert right[0] <= right[1]


def test_l1_attacks_do_not_stick_to_the_box(classifiers, images, labels, predict):
    """At l1:16 a plain network must fall: steps that only push saturated pixels would leave it standing."""
    model = classifiers("mlp")
    x_adv = PGD(steps=40)(model, images, labels, threat=L1(16))
    assert (predict(model, x_adv) == labels).mean() < 0.1
