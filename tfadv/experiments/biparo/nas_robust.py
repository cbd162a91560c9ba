"""Which small architectures are robust: the outlook of Bigaud, Papereux, Rolland 2021, after Guo et al. 2020.

Guo et al. trained a supernet and found that densely connected cells are the more robust ones; Liu, Jin 2021 search
for several aims at once. Here random cells are trained adversarially, each alone, and ranked.

Command: `tfadv reproduce nas-robust`. Expected: with so short a training cells with more convolutions are more
accurate and more robust alike.
"""

import dataclasses
import math
from statistics import NormalDist

import numpy as np

from tfadv.experiments.biparo.networks import DOCUMENT, tests
from tfadv.experiments.biparo.residual import residual, trained
from tfadv.models import MODELS
from tfadv.reports import figures
from tfadv.reports.document import Figure
from tfadv.study import Claim, Experiment, Sample, Weights

# What an edge of a cell does, by the digit that names it, and how many edges there are between four nodes.
NONE, IDENTITY, CONVOLUTION = "012"
NODES = 4
EDGES = NODES * (NODES - 1) // 2
MODELS.add("cell_net", "tfadv.experiments.biparo.cells:cell_net")


def live(edges):
    """The same cell without the edges that come from a node that nothing leads to: they bring nothing.

    >>> live("000212")
    '000200'
    """
    kept, reached, kinds = "", {0}, iter(edges)
    for node in range(1, NODES):
        part = "".join(kind if k in reached else NONE for k, kind in zip(range(node), kinds, strict=False))
        kept += part
        if part.strip(NONE):
            reached.add(node)
    return kept


def meaning(edges):
    """What the nodes of a cell compute, each as the terms of its sum: cells that mean the same are one network.

    >>> meaning("112202") == meaning("121022")  # an identity makes node 1 another name of node 0
    True
    """
    bring = {NONE: lambda node: (), IDENTITY: lambda node: node, CONVOLUTION: lambda node: (("convolution", node),)}
    nodes, kinds = [("x",)], iter(edges)
    for _ in range(1, NODES):
        terms = [term for node, kind in zip(tuple(nodes), kinds, strict=False) for term in bring[kind](node)]
        nodes.append(tuple(sorted(terms, key=str)))
    return tuple(sorted(nodes, key=str))


# Twelve cells drawn at random; of those that mean the same the first.
DRAWN = ["".join(map(str, digits)) for digits in np.random.default_rng(0).integers(0, 3, (100, EDGES))]
FIRST = {meaning(cell): cell for cell in map(live, reversed(DRAWN))}
CELLS = tuple(dict.fromkeys(FIRST[meaning(live(cell))] for cell in DRAWN))[:12]


@dataclasses.dataclass(frozen=True, eq=False)
class RankCorrelation(Sample):
    """Spearman's, one a seed; of a single seed with the interval of Fieller, Hartley, Pearson 1957, over its cells.

    Tests for rank correlation coefficients I: arctanh of it is normal with a deviation of 1.03 / sqrt(cells - 3).
    """

    cells: int = 0

    @property
    def interval(self):
        if len(self.per_seed) != 1 or self.cells <= 3 or self.mean is None or abs(self.mean) == 1:
            return super().interval
        reach = NormalDist().inv_cdf(0.975) * 1.03 / math.sqrt(self.cells - 3)
        return tuple(math.tanh(math.atanh(self.mean) + side) for side in (-reach, reach))


class NasRobust(Experiment):
    name, title = "nas_robust", "Which small architectures are robust"
    document, ids = DOCUMENT, ("nas-robust",)
    scales = residual(epochs=10, judged=1000, minutes=6.7)

    def networks(self):
        size = {"smoke": "width=2", "laptop": "width=16, stride=2", "paper": "width=64"}[self.preset]
        cells = ("100000", "110000") if self.preset == "smoke" else CELLS
        return {cell: trained(self.preset, cell, model=f"cell_net(edges='{cell}', {size})") for cell in cells}

    def measures(self):
        few = {key: tests()[key] for key in ("clean", "pgd_linf")}
        return {"weights": Weights(), **(few if self.preset == "smoke" else tests())}

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

    def correlation(self, found, *keys):
        """Spearman's correlation of two columns, of each seed over its cells."""
        names = found.having("clean", "pgd_linf")
        samples = [found[name, key] for key in keys for name in names]
        of = lambda *arrays: rank_correlation(*np.reshape([array.mean() for array in arrays], (2, -1)))  # noqa: E731
        each = samples[0].map(of, *samples[1:]).per_seed if len(names) > 1 else {}
        return RankCorrelation(each, cells=len(names))

    def tables(self, found):
        columns = ["density", "convolutions", *self.measures()]
        note = "A cell is the kinds of its edges 0-1, 0-2, 1-2, 0-3, 1-3, 2-3: 0 none, 1 identity, 2 convolution."
        yield found.grid("table", "Random cells", columns=columns, note=note)

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


def rank_correlation(a, b):
    """Spearman's correlation; 0 where all values of one are the same."""
    return (standard_ranks(a) * standard_ranks(b)).mean()


def standard_ranks(values):
    """Ranks with mean 0 and variance 1, or all 0 where all values are the same."""
    from scipy.stats import rankdata

    ranks = rankdata(values)
    return (ranks - ranks.mean()) / max(ranks.std(), 1e-12)
