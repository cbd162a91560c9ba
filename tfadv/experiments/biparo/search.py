"""NSGA-II, the search for several aims at once of Liu, Jin 2021, over the cells of a supernet.

Deb, Pratap, Agarwal, Meyarivan: A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II, 2002.
"""

import dataclasses

import numpy as np

from tfadv.experiments.biparo.edges import CONVOLUTION, EDGES, KINDS, live
from tfadv.reports.document import Table, percent
from tfadv.study import Clean, Under
from tfadv.study.measures import titled


@dataclasses.dataclass(frozen=True)
class CellSearch:
    """Cells of a supernet with its weights as they are, the first and those that NSGA-II goes on to: `cells`, (k,).

    `accuracy`, (k, tests), is theirs on the judged images; the last aim is few convolutions. `front`, (k,) bool: no
    other cell is at least as good in all of them and better in one. `value` is how many these are.

    Args:
        first: the cells that it begins with, as many as each generation has.
        tests: (attack, threat) each; natural accuracy is one more, the first.
    """

    first: tuple[str, ...]
    tests: tuple[tuple[str, str], ...]
    generations: int
    title: str = titled("Cells on the front")

    def __call__(self, network):
        tests = [Clean(), *(Under(attack, threat) for attack, threat in self.tests)]
        total, kinds = len(self.first) * (1 + self.generations), network.model.get_layer("choice").kinds

        def costs(cell):
            kinds.assign(np.array([*cell], np.int32))
            network.progress(f"cell {cell}", 0, total)
            return (*(-test(network)["value"].mean() for test in tests), cell.count(CONVOLUTION))

        known = nsga2(self.first, costs, self.generations, np.random.default_rng(network.seed))
        network.progress("cells", total, total)
        cells, found = list(known), np.array(list(known.values()))
        front = fronts(found) == 0
        return {
            "value": np.array(float(front.sum())),
            "cells": np.array(cells),
            "accuracy": -found[:, :-1],
            "front": front,
        }


def nsga2(first, costs, generations, rng):
    """All that was tried, candidate -> costs, which are to be small: the first, and what a search goes on to.

    Args:
        first: candidates, texts of digits; costs: candidate -> a row of numbers, asked once each.
    """
    known = {cell: costs(cell) for cell in first}
    population = list(known)
    for _ in range(generations):
        place = {cell: number for number, cell in enumerate(sorted_by_fitness(population, known))}
        parent = lambda: min(rng.choice(population, 2), key=place.get)  # noqa: B023, E731
        children = [live(child(parent(), parent(), rng)) for _ in first]
        known |= {cell: costs(cell) for cell in dict.fromkeys(children) if cell not in known}
        population = sorted_by_fitness(list(dict.fromkeys([*population, *children])), known)[: len(first)]
    return known


def child(one, other, rng):
    """Each digit of one parent or the other, and now and then a new one: one in six."""
    mixed = np.where(rng.random(EDGES) < 0.5, [*one], [*other])
    return "".join(np.where(rng.random(EDGES) < 1 / EDGES, rng.choice([*KINDS], EDGES), mixed))


def sorted_by_fitness(cells, known):
    """The better front first, and within a front who has most room around (section III.C of the paper)."""
    costs = np.array([known[cell] for cell in cells])
    front = fronts(costs)
    return [cells[k] for k in np.lexsort((-crowding(costs, front), front))]


def fronts(costs):
    """The number of each row's front, (k,): 0 where no row beats it, 1 where only those of front 0 do, ..."""
    beats = (costs[:, None] <= costs).all(axis=2) & (costs[:, None] < costs).any(axis=2)
    front, number = np.full(len(costs), -1), 0
    while (left := front < 0).any():
        front[left & ~beats[left].any(axis=0)] = number
        number += 1
    return front


def crowding(costs, front):
    """How far the neighbors of each row in its front lie apart, summed over the costs; infinite at the ends: (k,)."""
    room = np.zeros(len(costs))
    for number in range(front.max() + 1):
        at = np.flatnonzero(front == number)
        for cost in costs[at].T:
            order = np.argsort(cost, kind="stable")
            ends, inner = at[order[[0, -1]]], at[order[1:-1]]
            room[ends] = np.inf
            room[inner] += (cost[order[2:]] - cost[order[:-2]]) / max(np.ptp(cost), 1e-12)
    return room


def searched_points(arrays):
    """The cells of a search, for `figures.accuracy_plane`."""
    kinds = {"other cells": ~arrays["front"], "not beaten in all aims": arrays["front"]}
    return {
        title: {"natural": list(arrays["accuracy"][at, 0]), "robust": list(arrays["accuracy"][at, 1])}
        for title, at in kinds.items()
    }


def front_table(arrays, tests):
    """The cells of a search that no other beats in all aims, the most robust first."""
    heads = ("Cell", "Convolutions", "Natural", *(f"{attack} {threat}" for attack, threat in tests))
    order = np.argsort(-arrays["accuracy"][:, 1], kind="stable")
    rows = [
        (str(arrays["cells"][k]), str(arrays["cells"][k]).count(CONVOLUTION), *map(percent, arrays["accuracy"][k]))
        for k in order
        if arrays["front"][k]
    ]
    note = f"Of {len(order)} cells by the weights that all share, of one seed; chosen and measured on the same images."
    return Table("The front that NSGA-II finds", heads, tuple(rows), note, "front")
