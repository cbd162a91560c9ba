"""A linear SVM on CIFAR-10, by hand and by Keras: sections "Data processing", "Gradient descent", "SVM" of Vuong 2020.

Three recipes of the same descent: A has the constants of the course that the experiment comes from, B is A on pixels
in [0, 1], C is what the document prints. Then B is trained by Keras, as the network that other sections attack.

Command: `tfadv reproduce cifar10-svm`. Expected: A and B are the same and near 37.5 %; C learns nothing.
"""

import numpy as np

from tfadv.experiments.cifar_svm_resnet.linear_measures import ByHand, GradientError, ScoreError, TrainingData
from tfadv.experiments.cifar_svm_resnet.networks import DOCUMENT, scales, svm
from tfadv.experiments.cifar_svm_resnet.sketches import descent, preprocessing, score_sketch
from tfadv.reports import lines
from tfadv.reports.document import Figure
from tfadv.study import Claim, Clean, Experiment
from tfadv.study.claims import ExactClaim

PUBLISHED = {"svm": {"by-hand-a": 0.375}}
SMOOTHED = 25  # iterations, of the curves


class Cifar10SVM(Experiment):
    name, title = "cifar10_svm", "A linear SVM on CIFAR-10"
    document = DOCUMENT
    ids = ("data-cifar10", "linear-score", "softmax-loss", "hinge-loss", "sgd-manual", "cifar10-svm")
    scales = scales(minutes=0.8)
    only = dict.fromkeys(("data", "scores", "hinge", "softmax", "by-hand-a", "by-hand-b", "by-hand-c"), "svm")

    def networks(self):
        return {
            "svm": svm(self.preset, "Keras, recipe B"),
            "printed": svm(self.preset, "Keras, recipe C", recipe="c"),
        }

    def measures(self):
        iterations = 100 if self.preset == "smoke" else 1500
        return {
            "clean": Clean("By Keras"),
            **{f"by-hand-{key}": ByHand(key, iterations, f"By hand, recipe {key.upper()}") for key in "abc"},
            "data": TrainingData(),
            "scores": ScoreError("Scores, by hand and by Keras"),
            "hinge": GradientError("hinge", title="Hinge loss, numerically"),
            "softmax": GradientError("softmax", title="Softmax loss, numerically"),
        }

    def derived(self, found):
        gradient = lambda loss: lambda name: found[name, loss, "keras"]  # noqa: E731
        return {f"{loss}-keras": (f"{loss.capitalize()} loss, Keras", gradient(loss)) for loss in ("hinge", "softmax")}

    def claims(self, found):
        svm = lambda key, array="value": found["svm", key, array]  # noqa: E731
        says = "The training images, less their mean image, have the mean 0, to 1e-6 (measured: the largest entry)"
        yield ExactClaim("mean", says, svm("data"), below=1e-6, published="the mean of all 50,000 is subtracted")
        says = "The mean image does not move by 0.01 when the held-out images count too (measured: the largest entry)"
        yield ExactClaim("apart", says, svm("data", "apart"), below=0.01)
        says = "Logits of the Keras network are W x~, to 1e-5 of the largest (measured: the largest difference)"
        yield ExactClaim("scores", says, svm("scores"), below=1e-5)
        for loss in ("hinge", "softmax"):
            says = f"{loss.capitalize()} loss: the gradient by hand is the numerical one, to 1e-6"
            yield ExactClaim(loss, says, svm(loss), below=1e-6, published="a formula without 1/n and decay")
        worst = svm("hinge", "keras").map(np.maximum, svm("softmax", "keras"))
        yield ExactClaim("keras", "Both gradients by hand are Keras' own, to 1e-4", worst, below=1e-4)
        says = "Recipe A, by hand: within 3.5 points of the document"
        yield Claim("accuracy", says, svm("by-hand-a"), near=(0.375, 0.035), published="37.5 %")
        same = svm("by-hand-a", "scores").map(largest_difference, svm("by-hand-b", "scores"))
        says = "A on pixels in 0..255 and B in [0, 1] are one descent: scores differ by at most 1e-3"
        yield ExactClaim("same", says, same, below=1e-3)
        says = "As printed (recipe C) the SVM learns next to nothing: below 20 %"
        yield Claim("printed", says, svm("by-hand-c"), below=0.2, published="37.5 %")
        fall = svm("by-hand-a", "loss").map(lambda loss: np.mean(loss[-SMOOTHED:]) / loss[0])
        says = "The loss falls to a hundredth (measured: the last 25 iterations over the first)"
        yield ExactClaim("loss", says, fall, below=0.01, published="a falling curve")
        says = "Keras' SVM is at most 3 points below that by hand"
        yield Claim("by-keras", says, svm("clean") - svm("by-hand-a"), above=-0.03)

    def tables(self, found):
        hands = [f"by-hand-{key}" for key in "abc"]
        note = "Accuracy on test images. C has the document's constants; those of A and B are the course's."
        yield found.grid("table", "SVMs", columns=[*hands, "clean"], published=PUBLISHED, note=note)
        columns = ["scores", "hinge", "softmax", "hinge-keras", "softmax-keras"]
        note = "Relative errors, the largest. Numerically: of 20 entries of W, in double precision."
        yield found.grid("checks", "Scores and gradients by hand", columns=columns, rows=["svm"], note=note)

    def figures(self, found):
        for _, png in found.pictures("svm", "data"):
            yield Figure("CIFAR-10: the first training images of each class", png, "", "images")
        text = "Made-up points: raw, less their mean, over their deviation. The SVM divides by no deviation."
        yield Figure("What preprocessing does, in two dimensions", preprocessing(), text, "preprocess")
        text = "Made up: a loss of two weights, steeper in one of them; each step goes along its steepest descent."
        yield Figure("Gradient descent", descent(), text, "descent")
        arrays = found.arrays("svm", "by-hand-a")
        if not arrays:
            return
        text = "One test image: its ten scores, W x~, and what the two losses make of them."
        png = score_sketch(arrays["scores"][0], found.fact("class_names"))
        yield Figure("A linear score function", png, text, "scores")
        curves = {f"recipe {key.upper()}": self.curve(found, key) for key in "abc"}
        png = lines.line_chart(curves, title="Hinge loss of an SVM", ylabel="loss, with its decay", logarithmic=True)
        text = f"Means of {SMOOTHED} iterations. The losses of A and B are the same; C stays where it begins."
        yield Figure("The loss of the SVM", png, text, "loss")
        for _, png in found.pictures("svm", "by-hand-a"):
            yield Figure("What the classes look like to the SVM", png, "The weights of recipe A.", "templates")

    def curve(self, found, key):
        """The loss by hand, smoothed: (iterations, losses)."""
        loss = found.arrays("svm", f"by-hand-{key}")["loss"]
        loss = loss[: len(loss) // SMOOTHED * SMOOTHED].reshape(-1, SMOOTHED).mean(axis=1)
        return SMOOTHED * (np.arange(len(loss)) + 0.5), loss

    def notes(self, found):
        yield (
            "With pixels in [0, 1] and a learning rate of 1e-7, 1,500 steps move no weight by more than about 1e-3: "
            "the document's 2.5e-4 must be the course's 2.5e4, and its pixels those in 0..255."
        )


def largest_difference(a, b):
    """Of two arrays, entry by entry."""
    return np.abs(a - b).max()
