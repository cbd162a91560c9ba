"""Against gradient descent on softmax regression in float64, and what a search over lambda must keep."""

import numpy as np
import pytest
import tensorflow as tf

from tfadv import L2
from tfadv.attacks.goal import GoalAttack
from tfadv.errors import TfadvError


def softmax(z):
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def descend(kernel, bias, x0, goal, penalty, steps, step_size, confidence):
    """One image and one lambda: the first point with p_goal >= confidence, or None and the last point."""
    x = x0
    for _ in range(steps):
        p = softmax(x @ kernel + bias)
        if p[goal] >= confidence:
            return x, True
        gradient = kernel @ (p - np.eye(len(p))[goal])
        length = np.linalg.norm(x - x0)
        gradient = gradient + (penalty * (x - x0) / length if length else 0)
        x = np.clip(x - step_size * gradient, 0, 1)
    return x, False


def searched(kernel, bias, x0, goal, attack):
    """One image: all values of lambda, the nearest success or else the last point."""
    best, size, penalty, low, high = None, np.inf, attack.penalty, 0.0, np.inf
    for _ in range(attack.searches):
        x, success = descend(kernel, bias, x0, goal, penalty, attack.steps, attack.step_size, attack.confidence)
        if success and np.linalg.norm(x - x0) < size or np.isinf(size):
            best = x
        if success:
            size, low = min(size, np.linalg.norm(x - x0)), penalty
        else:
            high = penalty
        penalty = 10 * penalty if np.isinf(high) else (low + high) / 2 if low else penalty / 10
    return best


@pytest.mark.parametrize(
    ("targeted", "options"),
    [
        (True, {}),
        (False, {}),
        (True, {"penalty": 20.0}),
        (True, {"confidence": 0.5, "searches": 3}),
        (True, {"searches": 1}),
    ],
)
def test_is_the_formula_with_a_search_over_lambda(targeted, options, classifiers, images, predict):
    model = classifiers("linear")
    y = predict(model, images)
    z = model(images).numpy()
    goals = (y + 1 + np.arange(len(y)) % 9) % 10 if targeted else np.argsort(z, 1)[:, -2]
    attack = GoalAttack(**{"steps": 60, "searches": 6, "step_size": 0.1, **options})
    kernel, bias = (np.float64(v) for v in model.layers[-1].get_weights())
    flat = images.reshape(len(images), -1).astype(float)
    expected = np.stack([searched(kernel, bias, x, goal, attack) for x, goal in zip(flat, goals, strict=True)])
    found = attack.minimal(model, images, y, targets=goals if targeted else None).reshape(len(images), -1)
    # An image may succeed a step earlier where float32 and float64 disagree.
    assert np.mean(np.abs(found - expected).max(1) < 1e-4) > 0.9


def test_goals_are_reached_with_confidence_and_lambda_shortens_the_way(classifiers, images, predict):
    model = classifiers("mlp")
    y = predict(model, images)
    goals = (y + 5) % 10
    lengths = []
    for searches in (1, 8):
        x_adv = GoalAttack(searches=searches, step_size=0.02, steps=400).minimal(model, images, y, targets=goals)
        p = softmax(model(x_adv).numpy())[np.arange(len(y)), goals]
        assert np.mean(p >= 0.95) > 0.95 and p[p >= 0.95].max() < 0.99
        lengths.append(np.linalg.norm((x_adv - images).reshape(len(y), -1), axis=1))
    assert (lengths[1] <= lengths[0] + 1e-6).all() and lengths[1].mean() < 0.99 * lengths[0].mean()


def test_keeps_the_box_or_not(classifiers, images, predict):
    model = classifiers("mlp")
    y = predict(model, images)
    inside, outside = (GoalAttack(clip=clip).minimal(model, images, y) for clip in (True, False))
    assert inside.min() >= 0 and inside.max() <= 1 and outside.min() < -0.01
    assert L2(0.3).contains(GoalAttack(clip=False)(model, images, y, threat=L2(0.3)), images).numpy().all()


def test_the_step_follows_the_box_unless_it_is_given():
    x = 8 * tf.ones([2, 3])
    size = lambda attack, box: attack._step_size(L2(1.0, box), x)  # noqa: E731
    assert size(GoalAttack(), (0, 1)) == 0.05 and size(GoalAttack(), (0, 2)) == 0.2
    assert np.allclose(size(GoalAttack(), None), [[3.2], [3.2]]) and size(GoalAttack(step_size=0.1), None) == 0.1


def test_images_of_the_goal_are_left(classifiers, images, predict):
    model = classifiers("mlp")
    y = predict(model, images)
    sure = softmax(model(images).numpy()).max(1) >= 0.95
    assert sure.any() and not sure.all()
    x_adv = GoalAttack().minimal(model, images, (y + 1) % 10, targets=y)
    assert np.array_equal((x_adv == images).all(axis=(1, 2, 3)), sure)


def test_refuses_certainty():
    with pytest.raises(TfadvError, match="goal: confidence: expected a number below 1, received 1.0"):
        GoalAttack(confidence=1)
