"""A ResNet on CIFAR-10 beside the SVM: sections "ResNet" and "Results" of Vuong 2020.

Command: `tfadv reproduce cifar10-resnet50` (ResNet-8 on a fifth of the images for 12 epochs; `--preset paper` is
ResNet-50 for 200). Expected: at least 25 points above the SVM.
"""

from tfadv.experiments.cifar_svm_resnet.networks import DOCUMENT, resnet, scales, svm
from tfadv.reports import figures, lines
from tfadv.reports.document import Figure
from tfadv.study import Claim, Clean, Experiment, History, Weights

PUBLISHED = {"svm": {"clean": 0.375}, "resnet": {"clean": 0.92}}
LOSSES = {"loss": "training images", "val_loss": "held-out images"}
ACCURACIES = {"accuracy": "training images", "val_accuracy": "held-out images"}


class Cifar10ResNet50(Experiment):
    name, title = "cifar10_resnet50", "A ResNet and an SVM on CIFAR-10"
    document, ids = DOCUMENT, ("cifar10-resnet50",)
    scales = scales(minutes=1.5)
    only = dict.fromkeys((*LOSSES, *ACCURACIES), "resnet")

    def networks(self):
        return {"svm": svm(self.preset), "resnet": resnet(self.preset)}

    def measures(self):
        return {
            "clean": Clean("Accuracy"),
            "weights": Weights(),
            **{metric: History(metric) for metric in (*LOSSES, *ACCURACIES)},
        }

    def claims(self, found):
        gain = found["resnet", "clean"] - found["svm", "clean"]
        says = "The ResNet is at least 25 points better than the SVM"
        yield Claim("gain", says, gain, above=0.25, published="+54.5 points (its text: 55)")
        last = lambda metric: found["resnet", metric].map(lambda curve: curve[-1], share="accuracy" in metric)  # noqa: E731
        says = "At the end of training the ResNet knows its training images better than held-out ones"
        yield Claim("fits", says, last("accuracy") - last("val_accuracy"), above=0.0, published="a figure")
        if self.preset == "paper":
            says = "The ResNet is right on 92 % of the test images, to 1.5 points"
            yield Claim("accuracy", says, found["resnet", "clean"], near=(0.92, 0.015), published="92 %")

    def tables(self, found):
        note = "Accuracy on test images. The published ResNet is ResNet-50, trained on all images for 200 epochs."
        yield found.grid("table", "Accuracy", columns=["clean", "weights"], published=PUBLISHED, note=note)

    def figures(self, found):
        png = lines.line_chart(self.curves(found, LOSSES), title="Cross-entropy of the ResNet", xlabel="epoch")
        yield Figure("The loss of the ResNet", png, "Training loss with its weight decay.", "loss")
        curves = {title: dict(zip(("eps", "accuracy"), curve, strict=True)) for title, curve in
                  self.curves(found, ACCURACIES).items()}  # fmt: skip
        png = figures.accuracy_curves(curves, title="Accuracy of the ResNet", xlabel="epoch")
        yield Figure("The accuracy of the ResNet", png, "", "accuracy")
        png = figures.accuracy_bars(found.bars("clean"))
        yield Figure("ResNet and SVM", png, "On test images, with 95% intervals.", "compare")

    def curves(self, found, metrics):
        """Title -> (epochs, values) of these metrics of the ResNet's training."""
        arrays = {title: found.arrays("resnet", metric) for metric, title in metrics.items()}
        return {title: (of["at"], of["value"]) for title, of in arrays.items() if of}

    def notes(self, found):
        yield "The document names binary cross-entropy; for ten classes the categorical one is minimized here."
