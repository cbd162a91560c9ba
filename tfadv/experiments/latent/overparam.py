"""One linear layer or two: does the over-parameterized network, which computes no more, learn another function?

1L and 2L of Cocola, Rabindranath are both linear: logits are A x + b with a matrix A of rank at most 10. The document
keeps 2L as it "was empirically found to train faster", and to test what over-parameterization does to robustness. Of
linear classifiers the distance to the boundary is known exactly.

Command: `tfadv reproduce overparam-robustness` (`--dataset fashion_mnist`). Expected: 2L learns faster; their matrices
differ, and so do distances.
"""

import dataclasses

import numpy as np

from tfadv.experiments.latent.adversaries import GoalAdversaries
from tfadv.experiments.latent.distances import columns, lie_farther
from tfadv.experiments.latent.networks import DOCUMENT, on_images, presets
from tfadv.reports import figures
from tfadv.reports.document import Figure
from tfadv.study import Claim, Clean, Experiment, History
from tfadv.study.measures import titled


@dataclasses.dataclass(frozen=True)
class Linear:
    """The exact distance of the right images to the nearest boundary, ||delta||_2 without a box, of a linear network.

    `value`, (n,), is NaN where the network is wrong; `matrix`, (d, classes), is A of z = A x + b without what all
    classes share.
    """

    title: str = titled("Exact distance")

    def __call__(self, network):
        from tfadv.evaluation import metrics
        from tfadv.evaluation.certificates.linear import linear_radius

        shape = network.x.shape[1:]
        unit = np.concatenate([np.zeros((1, np.prod(shape))), np.eye(np.prod(shape))]).astype(np.float32)
        columns = metrics.logits(network.model, unit.reshape(-1, *shape))
        matrix = (columns[1:] - columns[0]).astype(np.float64)
        distance = linear_radius(network.model, network.x, network.y, "l2", boxed=False)
        value = np.where(network.judge().clean, distance, np.nan)
        return {"value": value, "matrix": matrix - matrix.mean(axis=1, keepdims=True)}


class OverparamRobustness(Experiment):
    name, title = "overparam_robustness", "One linear layer or two"
    document, ids = DOCUMENT, ("overparam-robustness",)
    scales = presets(minutes=0.4)

    def networks(self):
        return on_images("1l_matrix", "1l", "2l")

    def measures(self):
        return {
            "clean": Clean(),
            "adversaries": GoalAdversaries(1 if self.preset == "smoke" else 2, title="Distance, goal attack"),
            "exact": Linear(),
            "learned": History("accuracy", "Accuracy on training images"),
        }

    def derived(self, found):
        def cosine(name):
            inner = lambda a, b: (a * b).sum() / np.sqrt((a**2).sum() * (b**2).sum())  # noqa: E731
            return found[name, "exact", "matrix"].map(inner, found["2l", "exact", "matrix"])

        rank = lambda name: found[name, "exact", "matrix"].map(stable_rank)  # noqa: E731
        own = {"cosine": ("Cosine with the matrix of 2L", cosine), "rank": ("Stable rank of the matrix", rank)}
        return own | columns(found)

    def claims(self, found):
        first = lambda name: found[name, "learned"].map(lambda curve: curve[0], share=True)  # noqa: E731
        says = "2L learns faster than 1L (measured: accuracy on training images after the first epoch)"
        options = {"published": "trains faster", "over": "images"}
        yield Claim("faster", says, first("2l") - first("1l"), above=0.0, **options)
        says = "2L is more accurate than 1L"
        yield Claim("clean", says, found["2l", "clean"] - found["1l", "clean"], above=0.0, published="not said")
        says = "Most adversaries of 2L lie farther than those of 1L"
        samples = (found["2l", "adversaries"], found["1l", "adversaries"])
        yield lie_farther("far-adversaries", says, *samples, published="not said")
        says = "2L is farther from its boundaries than 1L (measured: the ratio of exact distances)"
        yield Claim("far-exact", says, found["2l", "exact"] / found["1l", "exact"], above=1.0, published="not said")
        says = "They learn the same function: the cosine of their matrices is at least 0.9"
        yield Claim("same", says, found["1l", "cosine"], above=0.9, published="effectively equivalent")

    def tables(self, found):
        note = "Exact distance: to the nearest boundary without a box, in units of pixels in [0, 1], of right images."
        shown = ["clean", "adversaries-median", "adversaries-found", "exact", "cosine", "rank"]
        yield found.grid("table", "Linear networks of one, two and three matrices", columns=shown, note=note)

    def figures(self, found):
        png = figures.accuracy_curves(found.curves("learned"), title="Accuracy on training images", xlabel="epoch")
        yield Figure("How fast they learn", png, "The mean over each epoch.", "learned")


def stable_rank(matrix):
    """||A||_F^2 / ||A||_2^2."""
    sizes = np.linalg.svd(matrix, compute_uv=False)
    return (sizes**2).sum() / sizes[0] ** 2
