"""Points that a line parts, and their l_inf squares, which none does: the 2-D figure of Vuong 2020, after Madry et al.
2018, figure 3.

The document samples at random around the points; here are the whole squares, and samples in them.

Command: `tfadv reproduce decision-boundary-2d`. Expected: the line is right on all points and wrong in some squares; a
network of two hidden layers, trained against PGD, is right in all of them.
"""

import dataclasses

import numpy as np

from tfadv.data import DATASETS
from tfadv.experiments.cifar_svm_resnet.networks import DOCUMENT
from tfadv.experiments.cifar_svm_resnet.sketches import decision_plane
from tfadv.experiments.cifar_svm_resnet.squares import EPS
from tfadv.reports.document import Figure
from tfadv.study import Clean, Experiment, Network, Scale, Under
from tfadv.study.claims import ExactClaim
from tfadv.study.measures import titled

DATASETS.add("squares", "tfadv.experiments.cifar_svm_resnet.squares:SQUARES")
THREAT = f"linf:{EPS}"
MLP = "mlp(hidden=(64, 64), init=glorot)"
PLANE = Scale(dataset="squares", epochs=80, batch_size=24, optimizer="adam(learning_rate=0.005)", keep="last")


@dataclasses.dataclass(frozen=True)
class WholeSquare:
    """Right on every point of a fine grid over a point's square, (n,).

    `regions`, (k, k), is what the network says all over the unit square, rows from below; `points` and `labels` are
    the points; `samples`, (n, m, 2), are random points of the squares and `wrong`, (n, m), whether it errs there.
    """

    eps: float
    grid: int = 41
    samples: int = 40
    title: str = titled("Right in the whole square")

    def __call__(self, network):
        from tfadv.evaluation.metrics import predictions

        says = lambda points: predictions(network.model, points.reshape(-1, 1, 2, 1).astype(np.float32))  # noqa: E731
        points, labels = network.x.reshape(-1, 2), network.y
        steps = self.eps * np.linspace(-1, 1, self.grid)
        inside = points[:, None] + np.stack(np.meshgrid(steps, steps), axis=-1).reshape(1, -1, 2)
        samples = points[:, None] + self.eps * np.random.default_rng(0).uniform(-1, 1, (len(points), self.samples, 2))
        plane = np.stack(np.meshgrid(*[np.linspace(0, 1, 201)] * 2), axis=-1)
        return {
            "value": (says(inside).reshape(len(points), -1) == labels[:, None]).all(axis=1),
            "regions": says(plane).reshape(plane.shape[:2]),
            "points": points,
            "labels": labels,
            "samples": samples,
            "wrong": says(samples).reshape(samples.shape[:2]) != labels[:, None],
        }


class DecisionBoundary2D(Experiment):
    name, title = "decision_boundary_2d", "A line, squares, and a network between them"
    document, ids = DOCUMENT, ("decision-boundary-2d",)
    scales = PLANE.presets(smoke={"epochs": 1}, laptop={"minutes": 0.1})

    def networks(self):
        against = {"method": "adversarial", "attack": "pgd(steps=10, keep_best=False)", "threat": THREAT}
        return {
            "linear": Network(title="Line", model="linear", loss="hinge"),
            "mlp": Network(title="Two hidden layers, natural training", model=MLP),
            "robust": Network(title="Two hidden layers, trained against PGD", model=MLP, **against),
        }

    def measures(self):
        return {
            "clean": Clean("Right on the point"),
            "pgd": Under("pgd(steps=40)", THREAT, "Right under PGD"),
            "square": WholeSquare(EPS),
        }

    def claims(self, found):
        line = "The line is right on every point"
        yield ExactClaim("points", line, share(found["linear", "clean"]), above=0.999, published="linearly separable")
        says = "It is wrong somewhere in the squares of some points (measured: the share of squares where it is right)"
        yield ExactClaim("line", says, share(found["linear", "square"]), below=0.999, published="red stars")
        says = "The network trained against PGD is right everywhere in every square"
        yield ExactClaim("robust", says, share(found["robust", "square"]), above=0.999, published="a figure")
        gap = share(found["linear", "pgd"]) - share(found["linear", "square"])
        says = "PGD finds every square where the line errs (measured: the share that it misses)"
        yield ExactClaim("pgd", says, gap, below=1e-9)

    def tables(self, found):
        note = f"Shares of 24 points; squares reach {EPS:g} to each side. On a grid of 41 x 41 in each square."
        yield found.grid("table", "Points and squares", columns=list(self.measures()), note=note)

    def figures(self, found):
        panels = {
            "a line": ("linear", False),
            "its squares": ("linear", True),
            "trained against PGD": ("robust", True),
        }
        drawn = {title: (found.arrays(name, "square"), squares) for title, (name, squares) in panels.items()}
        if all(arrays for arrays, _ in drawn.values()):
            text = (
                "Stars are random points of the squares on the wrong side. The background is what the classifier says."
            )
            yield Figure("Natural and adversarial decision boundaries", decision_plane(drawn, EPS), text, "planes")


def share(sample):
    """The share of points as one number: they are all there are, no sample of others."""
    return sample.map(np.mean, share=True)
