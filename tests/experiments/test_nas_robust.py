"""Cells, the supernet that holds all of them, and the search over them."""

import numpy as np
import pytest
from made_up import claims_of, made_up

from tfadv import layers
from tfadv.errors import TfadvError
from tfadv.experiments.biparo import cells, edges, nas_robust, ranks, search


def test_the_front_is_of_cells_that_none_beats_in_both():
    experiment = nas_robust.NasRobust()
    assert len(experiment.networks()) == 12 + 1
    claims = claims_of(experiment, **{name: 0.2 + 0.1 * name.count("2") for name in nas_robust.CELLS})
    assert claims["convolutions"].holds is True and claims["convolutions"].measured.mean > 0.8
    assert [figure.id for figure in experiment.figures(made_up(experiment))] == ["pareto", "search"]


def test_shared_weights_are_compared_cell_by_cell():
    experiment = nas_robust.NasRobust()
    found = made_up(experiment, **{name: 0.2 + 0.1 * name.count("2") for name in nas_robust.CELLS})
    arrays, alone = found.stored[0, "supernet", "search"], [found[cell, "pgd_linf"].mean for cell in nas_robust.CELLS]
    order = np.random.default_rng(1).permutation(12)
    arrays |= {"cells": np.array(nas_robust.CELLS)[order], "accuracy": np.array([alone] * 4).T[order]}
    claims = {claim.id: claim for claim in experiment.claims(found)}
    assert claims["shared"].measured.mean == pytest.approx(1.0) and len(claims["searched"].measured.interval) == 2
    arrays["accuracy"] = -arrays["accuracy"]
    assert experiment.shared(found).mean == pytest.approx(-1.0)


def test_fronts_and_the_room_within_them():
    costs = np.array([[0, 3], [1, 1], [3, 0], [2, 2], [3, 3], [1, 1]])
    assert search.fronts(costs).tolist() == [0, 0, 0, 1, 2, 0]
    room = search.crowding(np.array([[0.0, 4], [1, 2], [3, 1], [4, 0]]), np.zeros(4, int))
    assert room[[0, 3]].tolist() == [np.inf] * 2 and room[1:3] == pytest.approx([3 / 4 + 3 / 4, 3 / 4 + 2 / 4])


def test_the_search_finds_what_is_best_in_one_aim_and_asks_each_cell_once():
    asked = []

    def costs(cell):
        asked.append(cell)
        return -cell.count("2"), cell.count("0")

    found = search.nsga2(nas_robust.CELLS, costs, 8, np.random.default_rng(0))
    assert "222222" in found and len(asked) == len(set(asked)) == len(found) and asked[:12] == [*nas_robust.CELLS]
    assert all(edges.live(cell) == cell for cell in found)


def test_a_supernet_answers_as_the_chosen_cell_and_draws_another_in_training(tmp_path):
    from tfadv.experiments.biparo.supernet import cell_supernet
    from tfadv.models import classifier

    model = cell_supernet((8, 8, 1), 3, width=2)
    x, choice = np.random.default_rng(0).random((4, 8, 8, 1), np.float32), model.get_layer("choice")
    assert choice.kinds.numpy().tolist() == [2] * 6
    whole = model(x, training=False).numpy()
    assert np.array_equal(model(x, training=False), whole) and np.allclose(model(x, training=True), whole, atol=1e-6)
    first = choice.kinds.numpy().tolist()
    assert first != [2] * 6 and set(first) <= {0, 1, 2} and not np.allclose(model(x, training=False), whole)
    model(x, training=True)
    assert choice.kinds.numpy().tolist() != first
    choice.kinds.assign([0] * 6)  # no edge: the nodes but the first are nothing
    nothing = model(x, training=False).numpy()
    model.save(tmp_path / "model.keras")
    again = classifier.load(tmp_path / "model.keras")
    assert np.allclose(again(x, training=False), nothing, atol=1e-6)


def test_no_two_cells_are_the_same_network():
    assert edges.live("000212") == edges.live("000211") == "000200" and edges.live("012112") == "010102"
    assert len({*map(edges.meaning, nas_robust.CELLS)}) == 12 and all(
        edges.live(cell) == cell for cell in nas_robust.CELLS
    )


def test_a_cell_is_what_its_edges_say():
    first = next(layer for layer in cells.cell_net((8, 8, 1), 3, width=2, stride=2).layers if "conv" in layer.name)
    assert first.output.shape == (None, 4, 4, 2)
    count = lambda edges: cells.cell_net((8, 8, 1), 3, edges=edges, width=2).count_params()  # noqa: E731
    assert count("000000") < count("111111") < count("111112")
    # A node that nothing leads to brings nothing: the edge from it is left out.
    assert count("000020") == count("000000")
    with pytest.raises(TfadvError, match="6 digits"):
        cells.cell_net((8, 8, 1), 3, edges="22")


def test_the_correlation_of_ranks_is_spearman_s_and_its_interval_holds_it():
    from scipy.stats import spearmanr

    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 4000, 12))
    of = [ranks.rank_correlation(*pair) for pair in zip(a, a + b, strict=True)]
    assert of[:20] == pytest.approx([spearmanr(*pair).statistic for pair in zip(a[:20], (a + b)[:20], strict=True)])
    true = ranks.rank_correlation(a.ravel(), (a + b).ravel())
    intervals = [ranks.RankCorrelation({0: np.array(one)}, cells=12).interval for one in of if abs(one) < 1]
    assert all(-1 < low < high < 1 for low, high in intervals)
    assert np.mean([low < true < high for low, high in intervals]) == pytest.approx(0.95, abs=0.015)
    assert ranks.RankCorrelation({0: np.array(0.5)}, cells=3).interval is None


def test_every_seed_has_its_correlation():
    experiment = nas_robust.NasRobust(seeds=2)
    found = made_up(experiment)
    found.stored |= {(1, *key[1:]): arrays for key, arrays in found.stored.items() if key[0] == 0}
    found.seeds = [0, 1]
    assert len(experiment.correlation(found, "clean", "pgd_linf").per_seed) == 2


def test_a_saved_supernet_is_known_to_keras_before_it_is_loaded(monkeypatch):
    asked = []
    monkeypatch.setattr(layers.LAYERS, "get", asked.append)
    layers.register()
    assert "edge_choice" in asked and "slwta" in asked
