"""CKA against its definition, and errors by class."""

import numpy as np
import pytest

from tfadv.data.split import Dataset, Split
from tfadv.study import ByClass, Clean, FirstComponent, LayerSimilarity
from tfadv.study.bench import TrainedNetwork
from tfadv.study.representations import block, first_component, hsics, normalized


@pytest.fixture
def network(classifiers, images, labels):
    split = Split(images, labels)
    return TrainedNetwork(classifiers("mlp"), Dataset("d", split, split, tuple("0123456789"), ""), 0, [], None)


def unbiased(k, other):
    """HSIC as the mean over four different places (Song et al. 2012, theorem 2 by its definition)."""
    n, total = len(k), 0.0
    places = [(i, j, q, r) for i in range(n) for j in range(n) for q in range(n) for r in range(n)]
    places = [four for four in places if len(set(four)) == 4]
    for i, j, q, r in places:
        total += k[i, j] * (other[i, j] + other[q, r] - 2 * other[i, q])
    return total / len(places)


def test_hsic_is_the_unbiased_one():
    rng = np.random.default_rng(0)
    grams = [x @ x.T for x in (rng.normal(size=(6, 3)), rng.normal(size=(6, 2)))]
    found = hsics(grams)
    assert found[0, 1] == pytest.approx(unbiased(*grams)) and found[0, 0] == pytest.approx(unbiased(grams[0], grams[0]))
    assert found[0, 1] == pytest.approx(found[1, 0])


def test_rotated_and_scaled_layers_are_the_same():
    rng = np.random.default_rng(0)
    x, (turn, _) = rng.normal(size=(20, 4)), np.linalg.qr(rng.normal(size=(4, 4)))
    cka = normalized(hsics([x @ x.T, (3 * x @ turn) @ (3 * x @ turn).T]))
    assert cka == pytest.approx(np.ones((2, 2)))


def test_the_block_is_of_the_last_half_without_the_diagonal():
    cka = np.eye(4)
    cka[2, 3] = cka[3, 2] = 0.5
    cka[0, 1] = cka[1, 0] = 0.9
    assert block(cka) == 0.5


def test_the_first_component():
    x = np.outer(np.arange(5.0), [1.0, 2.0])
    assert first_component(x) == pytest.approx(1.0)
    assert first_component(np.random.default_rng(0).normal(size=(200, 10))) < 0.3


def test_layers_of_a_network_before_batches(network):
    arrays = LayerSimilarity(batch=16)(network)
    kinds = [type(layer).__name__ for layer in network.model.layers]
    assert arrays["cka"].shape == (kinds.count("Dense"),) * 2 and arrays["value"].shape == (2,)
    assert np.diag(arrays["cka"]) == pytest.approx(np.ones(kinds.count("Dense")))
    shares = FirstComponent(batch=8)(network)
    assert shares["layers"].shape == (4, kinds.count("Dense"))
    best = shares["layers"][[0, 2]].mean(axis=0).argmax()
    assert shares["value"] == pytest.approx(shares["layers"][[1, 3], best])
    [(title, png)] = LayerSimilarity().pictures(arrays, (), "CKA")
    assert title == "CKA" and png[:4] == b"\x89PNG"


def test_accuracy_by_class(network, labels):
    arrays = ByClass(Clean("Natural"))(network)
    assert arrays["classes"][labels[0]] == arrays["value"][labels == labels[0]].mean()
    assert repr(ByClass(Clean("a"), "b")) == repr(ByClass(Clean("c"), "d"))
