"""Against a plain loop over images in float64, written from the published description of each variant."""

import numpy as np
import pytest
from relu_network import Relu

from tfadv import L2, DeepFool, LInf
from tfadv.attacks.deepfool import VARIANTS
from tfadv.errors import TfadvError

pytestmark = pytest.mark.usefixtures("eagerly")


def loop(net, x, variant, norm="l2", steps=None, overshoot=0.02, clip=False):
    """One image. `paper`: LTS4's code; `seed001`: Deng, Zhang, Zhao; `deepdefense`: Yan, Guo, Zhang."""
    own = np.argmax(net(x))
    inside = (lambda v: np.clip(v, 0, 1)) if clip else (lambda v: v)
    rivals = [k for k in np.argsort(net(x))[::-1][:10] if k != own]
    total, taken = np.zeros_like(x), 0
    limit = steps or {"paper": 50, "seed001": 6, "deepdefense": 5}[variant]
    while np.argmax(net(inside(x + (1 + overshoot) * total))) == own and taken < limit:
        at = inside(x + total) if variant == "deepdefense" else inside(x + (1 + overshoot) * total)
        z, g = net(at), net.gradients(at)
        best = None
        for k in rivals:
            w, h = g[k] - g[own], z[k] - z[own]
            if norm == "l2":
                length = np.sqrt(w @ w + (5e-6 if variant == "deepdefense" else 0))
                direction = w / length
            else:
                length, direction = np.abs(w).sum() + (5e-6 if variant == "deepdefense" else 0), np.sign(w)
            distance = abs(h) / length
            if best is None or distance < best[0]:
                best = distance, direction
        total = total + (best[0] + (0 if variant == "deepdefense" else 1e-4)) * best[1]
        taken += 1
    return inside(x + (1 + overshoot) * total)


def compare(model, images, predict, variant, norm, **options):
    y = predict(model, images)
    found = DeepFool(variant=variant, **options).minimal(model, images, y, norm=norm).reshape(len(images), -1)
    net = Relu(model)
    expected = np.stack([loop(net, x, variant, norm, **options) for x in images.reshape(len(images), -1).astype(float)])
    size = np.linalg.norm(expected - images.reshape(len(images), -1), axis=1)
    gap = np.linalg.norm(found - expected, axis=1) / size
    # An image may take one step more or less where float32 and float64 disagree on the side of the boundary.
    assert np.mean(gap < 1e-3) > 0.9 and np.median(gap) < 1e-5


@pytest.mark.parametrize("norm", ["l2", "linf"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_is_the_published_loop(variant, norm, classifiers, images, predict):
    compare(classifiers("mlp"), images, predict, variant, norm)


@pytest.mark.parametrize("variant", VARIANTS)
def test_options_and_clip(variant, classifiers, images, predict):
    compare(classifiers("mlp"), images, predict, variant, "l2", overshoot=0.1, steps=2)
    compare(classifiers("mlp"), images, predict, variant, "l2", clip=True)
    clipped = DeepFool(variant=variant, clip=True).minimal(
        classifiers("mlp"), images, predict(classifiers("mlp"), images)
    )
    assert clipped.min() >= 0 and clipped.max() <= 1


def test_all_variants_fool_and_leave_what_is_wrong_already(classifiers, images, labels, predict):
    model = classifiers("cnn")
    y = predict(model, images)
    for variant in VARIANTS:
        assert np.mean(predict(model, DeepFool(variant=variant).minimal(model, images, y)) != y) > 0.9
        other = (y + 1) % 10
        assert np.array_equal(DeepFool(variant=variant).minimal(model, images, other), images)


def test_targets_are_reached(classifiers, images, predict):
    model = classifiers("mlp")
    y = predict(model, images)
    targets = (y + 1 + np.arange(len(y)) % 9) % 10
    assert np.mean(predict(model, DeepFool().minimal(model, images, y, targets=targets)) == targets) > 0.95


def test_within_a_threat_model_the_clipped_search_is_cut_to_the_ball(classifiers, images, predict):
    """Where the ball is wide the search itself comes back; where it is narrow, its projection."""
    model = classifiers("mlp")
    y = predict(model, images)
    search = DeepFool(clip=True).minimal(model, images, y)
    assert np.allclose(DeepFool()(model, images, y, threat=L2(10.0)), search, atol=1e-6)
    assert np.allclose(DeepFool()(model, images, y, threat=L2(0.1)), L2(0.1).project(search, images), atol=1e-6)
    assert np.mean(predict(model, DeepFool()(model, images, y, threat=LInf(0.5))) != y) == 1


def test_a_constant_model_has_no_boundary(classifiers, images, predict):
    model = classifiers("constant")
    y = predict(model, images)
    for norm in ("l2", "linf"):
        assert np.array_equal(DeepFool().minimal(model, images, y, norm=norm), images)


def test_counts_its_backward_passes():
    # Nine rivals and the nearest of them again; a look at the point and one at where the step leads.
    assert DeepFool().cost(10) == (2 * 50, 50 * 10) and DeepFool(steps=3, classes=4).cost(10) == (6, 12)


def test_refuses_fewer_than_two_classes_and_l1(classifiers, images, labels):
    with pytest.raises(TfadvError, match="deepfool: classes: expected a whole number of at least 2, received 1"):
        DeepFool(classes=1)
    with pytest.raises(TfadvError, match="deepfool: norm: expected one of linf, l2, received 'l1'"):
        DeepFool().minimal(classifiers("linear"), images, labels, norm="l1")
