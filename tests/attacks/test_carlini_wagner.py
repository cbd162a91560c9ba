"""Against a plain loop over images in float64, written from the paper and its authors' code; what is done better."""

import dataclasses

import numpy as np
import pytest
from relu_network import Relu

from tfadv import L2, DeepFool, passes
from tfadv.attacks.carlini_wagner import CW
from tfadv.attacks.gradient_descent import GradientDescent
from tfadv.errors import TfadvError


def published(net, x, y, target, attack):
    """One image: Adam on w, nine penalties, the nearest success; without the rule that ends a descent early."""
    c, low, high, best, size = attack.first_penalty, 0.0, np.inf, None, np.inf
    for _ in range(attack.searches):
        w, success = np.arctanh((2 * x - 1) * 0.999999), False
        mean, square = np.zeros_like(x), np.zeros_like(x)
        for t in range(1, attack.steps + 1):
            point = (np.tanh(w) + 1) / 2
            z = net(point)
            own = y if target is None else target
            other = max((k for k in range(len(z)) if k != own), key=lambda k: z[k])
            down, up = (own, other) if target is None else (other, own)
            gap = z[down] - z[up] + attack.confidence
            distance = np.sum((point - x) ** 2)
            if gap <= 0:
                success = True
                if distance < size:
                    best, size = point, distance
            direction = np.eye(len(z))[down] - np.eye(len(z))[up]
            slope = (
                (2 * (point - x) + (c * direction @ net.gradients(point) if gap > 0 else 0)) * (1 - np.tanh(w) ** 2) / 2
            )
            mean = 0.9 * mean + 0.1 * slope
            square = 0.999 * square + 0.001 * slope**2
            w = w - attack.step_size * (mean / (1 - 0.9**t)) / (np.sqrt(square / (1 - 0.999**t)) + 1e-8)
        low, high = (low, c) if success else (c, high)
        c = 10 * c if np.isinf(high) else (low + high) / 2
    return best, np.sqrt(size)


def lengths(x_adv, x):
    return np.linalg.norm((x_adv.astype("float64") - x).reshape(len(x), -1), axis=1)


@pytest.mark.parametrize(
    ("targeted", "options"),
    [(False, {}), (True, {}), (False, {"confidence": 2.0, "first_penalty": 10.0, "searches": 3})],
)
def test_paper_variant_is_the_published_loop(targeted, options, classifiers, images, predict):
    model = classifiers("mlp")
    y = predict(model, images)
    targets = (y + 1 + np.arange(len(y)) % 9) % 10 if targeted else None
    attack = dataclasses.replace(
        CW(variant="paper", steps=40, searches=5, step_size=0.1, first_penalty=0.01, abort_early=False), **options
    )
    found = attack.minimal(model, images, y, targets=targets)
    net, flat = Relu(model), images.reshape(len(images), -1).astype(float)
    expected = [published(net, x, y[i], None if targets is None else targets[i], attack) for i, x in enumerate(flat)]
    success = np.array([best is not None for best, _ in expected])
    assert success.mean() > 0.8
    gap = [np.abs(found[i].ravel() - expected[i][0]).max() for i in np.flatnonzero(success)]
    # Where the margin is all but 0, float32 and float64 may disagree, and their ways part.
    assert np.median(gap) < 1e-4 and np.mean(np.array(gap) < 1e-3) > 0.8
    assert np.allclose(
        lengths(found, images)[success], [size for best, size in expected if best is not None], rtol=0.02
    )


def test_nothing_is_found_beyond_what_the_paper_finds(classifiers, images, predict):
    """Digits have pixels that are 0 or 1, which the paper's variable hardly lets go."""
    model = classifiers("mlp")
    y = predict(model, images)
    ours, paper = (CW(variant=v, steps=100).minimal(model, images, y) for v in ("refined", "paper"))
    assert (predict(model, ours) != y).all()
    fooled = predict(model, paper) != y
    ratio = lengths(ours, images)[fooled] / lengths(paper, images)[fooled]
    assert np.median(ratio) < 0.97 and np.quantile(ratio, 0.9) < 1.01


def test_black_and_white_images_fall_too(classifiers, images, predict):
    model, x = classifiers("mlp"), np.round(images)
    y = predict(model, x)
    fooled = {
        v: np.mean(predict(model, CW(variant=v, steps=100).minimal(model, x, y)) != y) for v in ("refined", "paper")
    }
    assert fooled["refined"] == 1 and fooled["paper"] < 0.5


def test_hardly_ever_longer_than_plain_gradient_descent(classifiers, images, predict):
    """DeepFool may be shorter here and there: it looks for the nearest class, this loss at the one with most logit."""
    model = classifiers("mlp")
    y = predict(model, images)
    ours, deepfool, plain = (
        lengths(attack.minimal(model, images, y), images)
        for attack in (CW(), DeepFool(clip=True), GradientDescent(penalty=5, clip=True))
    )
    assert ours.mean() < plain.mean() and np.mean(ours < 1.01 * plain) > 0.9
    assert ours.mean() < 1.05 * deepfool.mean()


@pytest.mark.parametrize("targeted", [False, True])
def test_margins_are_the_confidence_and_distances_rise_with_it(targeted, classifiers, images, predict):
    model, before = classifiers("mlp"), 0.0
    y = predict(model, images)
    targets = (y + 3) % 10 if targeted else None
    for kappa in (0, 5):
        x_adv = CW(confidence=kappa).minimal(model, images, y, targets=targets)
        z = model(x_adv).numpy()
        own = z[np.arange(len(y)), targets if targeted else y]
        z[np.arange(len(y)), targets if targeted else y] = -np.inf
        margin = (own - z.max(1)) if targeted else (z.max(1) - own)
        reached = margin >= kappa - 1e-3
        assert reached.mean() > 0.9 and (margin[reached] < kappa + 0.1).all()
        assert lengths(x_adv, images).mean() > before
        before = lengths(x_adv, images).mean()


def test_targets_are_reached(classifiers, images, predict):
    model = classifiers("mlp")
    y = predict(model, images)
    targets = (y + 1 + np.arange(len(y)) % 9) % 10
    assert (predict(model, CW().minimal(model, images, y, targets=targets)) == targets).all()


@pytest.mark.usefixtures("eagerly")
def test_what_is_wrong_already_and_what_has_no_boundary_is_left(classifiers, images, predict):
    model = classifiers("mlp")
    y = predict(model, images)
    assert np.array_equal(CW(steps=5, searches=2).minimal(model, images, (y + 1) % 10), images)
    constant = classifiers("constant")
    assert np.allclose(CW(steps=5, searches=2).minimal(constant, images, predict(constant, images)), images, atol=1e-6)


def test_images_do_not_depend_on_their_company(classifiers, images, predict):
    """Each has its own penalty, rate and end, and leaves the batch at its own time."""
    model = classifiers("mlp")
    y = predict(model, images)
    together = lengths(CW(steps=50).minimal(model, images[:8], y[:8]), images[:8])
    alone = lengths(CW(steps=50).minimal(model, images[:8], y[:8], batch_size=1), images[:8])
    assert np.allclose(together, alone, rtol=0.01)


def test_logits_of_any_scale(classifiers, images, predict):
    """Of a network with logits times 1e4 the penalties are as much lower, as far as nine searches get."""
    plain, loud = classifiers("mlp"), classifiers("saturated")
    y = predict(plain, images)
    size, other = (
        lengths(attack.minimal(model, images, y), images) for attack, model in ((CW(), plain), (CW(searches=20), loud))
    )
    assert np.allclose(other, size, rtol=0.05)


def test_early_ends_save_passes_and_lose_next_to_nothing(classifiers, images, predict):
    model = classifiers("mlp")
    y = predict(model, images)

    def run(attack, by):
        before = passes.counts()[1]
        return by(attack), passes.counts()[1] - before

    minimal = lambda attack: lengths(attack.minimal(model, images, y), images)  # noqa: E731
    full, most = run(CW(abort_early=False), by=minimal)
    brief, fewer = run(CW(), by=minimal)
    assert fewer < 0.8 * most and (brief < 1.02 * full).all()

    within = L2(float(np.median(full)))
    fooled = lambda attack: predict(model, attack(model, images, y, threat=within)) != y  # noqa: E731
    slow, most = run(CW(), by=fooled)
    quick, fewer = run(CW().until_fooled(), by=fooled)
    assert fewer < 0.8 * most and slow.any() and not slow.all()
    # Just inside the ball the search may end before the halvings have brought it there.
    assert np.mean(quick == slow) > 0.9


@pytest.mark.usefixtures("eagerly")
def test_without_a_success_the_last_point_comes_back(images, classifiers, predict):
    model = classifiers("mlp")
    y = predict(model, images)
    x_adv = CW(steps=2, searches=1, first_penalty=10).minimal(model, images, y)
    assert (predict(model, x_adv) == y).any() and (lengths(x_adv, images) > 0).all()


def test_refuses_other_norms_and_variants():
    with pytest.raises(TfadvError, match="cw: norm: expected one of l2, received 'linf'"):
        CW().check_norm("linf")
    with pytest.raises(TfadvError, match="cw: variant: expected one of refined, paper, received 'foolbox'"):
        CW(variant="foolbox")
