"""Which small architectures are robust: the outlook of Bigaud, Papereux, Rolland 2021, after Guo et al. 2020.

Guo et al. trained a supernet and found that densely connected cells are the more robust ones; Liu, Jin 2021 search
for several aims at once. Here random cells are trained adversarially, each alone, and ranked; a supernet ranks them by
weights that all cells share, and NSGA-II searches on with these.

Command: `tfadv reproduce nas-robust`. Expected: with so short a training cells with more convolutions are more
accurate and more robust alike.
"""

import numpy as np

from tfadv.experiments.biparo.edges import CONVOLUTION, EDGES, NONE, live, meaning
from tfadv.experiments.biparo.networks import DOCUMENT, L2, LINF, tests
from tfadv.experiments.biparo.ranks import RankCorrelation, rank_correlation
from tfadv.experiments.biparo.residual import residual, trained
from tfadv.experiments.biparo.search import CellSearch, front_table, searched_points
from tfadv.layers import LAYERS
from tfadv.models import MODELS
from tfadv.reports import figures
from tfadv.reports.document import Figure
from tfadv.study import Claim, Experiment, First, Weights

MODELS.add("cell_net", "tfadv.experiments.biparo.cells:cell_net")
MODELS.add("cell_supernet", "tfadv.experiments.biparo.supernet:cell_supernet")
LAYERS.add("edge_choice", "tfadv.experiments.biparo.supernet:EdgeChoice")

# Twelve cells drawn at random; of those that mean the same the first.
DRAWN = ["".join(map(str, digits)) for digits in np.random.default_rng(0).integers(0, 3, (100, EDGES))]
FIRST = {meaning(cell): cell for cell in map(live, reversed(DRAWN))}
CELLS = tuple(dict.fromkeys(FIRST[meaning(live(cell))] for cell in DRAWN))[:12]
SUPERNET = "supernet"


class NasRobust(Experiment):
    name, title = "nas_robust", "Which small architectures are robust"
    document, ids = DOCUMENT, ("nas-robust",)
    only = {"search": SUPERNET}
    scales = residual(epochs=10, judged=1000, minutes=9.0)

    def networks(self):
        size = {"smoke": "width=2", "laptop": "width=16, stride=2", "paper": "width=64"}[self.preset]
        cells = ("100000", "110000") if self.preset == "smoke" else CELLS
        named = {cell: trained(self.preset, cell, model=f"cell_net(edges='{cell}', {size})") for cell in cells}
        whole = f"cell_supernet({size}{', cells=1' if self.preset == 'smoke' else ''})"
        options = {"model": whole, "share": 2.0, "measures": ("search",), "aside": True}
        return named | {SUPERNET: trained(self.preset, "Supernet", **options)}

    def measures(self):
        smoke = self.preset == "smoke"
        few = {key: tests()[key] for key in ("clean", "pgd_linf")}
        aims = (("fgsm", LINF),) if smoke else (("pgd(steps=10)", LINF), ("fgsm", LINF), ("pgd(steps=10)", L2))
        first = tuple(cell for cell in self.networks() if cell != SUPERNET)
        search = First(30 if smoke else 300, CellSearch(first, aims, 1 if smoke else 4))
        return {"weights": Weights(), **(few if smoke else tests()), "search": search}

    def derived(self, found):
        share = lambda kinds: lambda name: found[name, "weights"].map(lambda _: kinds(name))  # noqa: E731
        return {
            "density": ("Edges", share(lambda name: np.array(float(EDGES - name.count(NONE))))),
            "convolutions": ("Convolutions", share(lambda name: np.array(float(name.count(CONVOLUTION))))),
        }

    def claims(self, found):
        for key, what in (("density", "the number of edges"), ("convolutions", "the number of convolutions")):
            says = f"Robustness rises with {what} (measured: Spearman's correlation with accuracy under PGD)"
            options = {"published": "densely connected", "over": "cells"}
            yield Claim(key, says, self.correlation(found, key, "pgd_linf"), above=0.0, **options)
        says = "The accurate cells are the robust ones (measured: Spearman's correlation of the two)"
        yield Claim("both", says, self.correlation(found, "clean", "pgd_linf"), above=0.0, over="cells")
        says = "Shared weights rank the cells as training alone does (measured: Spearman's correlation, under PGD)"
        yield Claim("shared", says, self.shared(found), above=0.0, published="ranked by them", over="cells")
        says = "Of all cells that the search asks those with more edges are more robust (Spearman's correlation)"
        options = {"published": "densely connected", "note": "By shared weights; the search looks for robust cells."}
        yield Claim("searched", says, self.searched(found), above=0.0, over="cells", **options)

    def correlation(self, found, *keys):
        """Spearman's correlation of two columns, of each seed over its cells."""
        names = found.having("clean", "pgd_linf")
        samples = [found[name, key] for key in keys for name in names]
        of = lambda *arrays: rank_correlation(*np.reshape([array.mean() for array in arrays], (2, -1)))  # noqa: E731
        each = samples[0].map(of, *samples[1:]).per_seed if len(names) > 1 else {}
        return RankCorrelation(each, cells=len(names))

    def shared(self, found):
        """Spearman's correlation of accuracy under PGD with shared weights and with a cell's own."""
        cells = found.having("clean", "pgd_linf")
        alone = [found[cell, "pgd_linf"] for cell in cells]

        def of(asked, accuracy, *alone):
            shared = dict(zip(asked, accuracy[:, 1], strict=True))
            return rank_correlation([shared[cell] for cell in cells], [right.mean() for right in alone])

        asked, accuracy = (found[SUPERNET, "search", array] for array in ("cells", "accuracy"))
        return RankCorrelation(asked.map(of, accuracy, *alone).per_seed, cells=len(cells))

    def searched(self, found):
        """Spearman's correlation of the number of edges and accuracy under PGD, of all cells of the search."""
        cells, accuracy = (found[SUPERNET, "search", array] for array in ("cells", "accuracy"))
        edges = lambda texts: [EDGES - text.count(NONE) for text in texts]  # noqa: E731
        each = cells.map(lambda texts, right: rank_correlation(edges(texts), right[:, 1]), accuracy).per_seed
        return RankCorrelation(each, cells=min(map(len, cells.per_seed.values()), default=0))

    def tables(self, found):
        columns = ["density", "convolutions", *(key for key in self.measures() if key not in self.only)]
        note = "A cell is the kinds of its edges 0-1, 0-2, 1-2, 0-3, 1-3, 2-3: 0 none, 1 identity, 2 convolution."
        yield found.grid("table", "Random cells", columns=columns, note=note)
        if (SUPERNET, "search") in found:
            yield front_table(found.arrays(SUPERNET, "search"), found.measures["search"].measure.tests)

    def figures(self, found):
        names = found.having("clean", "pgd_linf")
        clean, robust = ({name: found[name, key].mean for name in names} for key in ("clean", "pgd_linf"))
        beaten = lambda a, b: clean[a] <= clean[b] and robust[a] <= robust[b] and a != b  # noqa: E731
        front = [name for name in names if not any(beaten(name, other) for other in names)]
        rest = {"other cells": [name for name in names if name not in front], "not beaten in both": front}
        points = {
            title: {"natural": [clean[n] for n in part], "robust": [robust[n] for n in part]}
            for title, part in rest.items()
        }
        png = figures.accuracy_plane(points, title="Accuracy under PGD against natural accuracy")
        yield Figure("Pareto front", png, "A point a cell.", "pareto")
        if (SUPERNET, "search") in found:
            png = figures.accuracy_plane(searched_points(found.arrays(SUPERNET, "search")), title="With shared weights")
            yield Figure("The search", png, "A point a cell; few convolutions are an aim as well.", "search")
