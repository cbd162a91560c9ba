"""The networks that several sections of the document share, each recipe once, so that each is trained once.

The document says of the SVM: learning rate 1e-7, regularization 2.5e-4, 1,500 iterations; see `by_hand` for why this
is 2.5e4 and pixels in 0..255. Here it is the same recipe on pixels in [0, 1]. Of the ResNet it says 200 epochs of SGD
with momentum 0.9 and weight decay 1e-4 at 0.1, divided by 10 when the validation error does not fall for 10 epochs.
It does not say the batch size (128 is customary), nor augmentation, nor eps and steps of any attack.
"""

import dataclasses

from tfadv.experiments.cifar_svm_resnet.by_hand import RECIPES
from tfadv.study import Network, Scale

DOCUMENT = "Vuong 2020"
# Of its robust network: Madry et al. 2018 have this eps, and PGD with 7 steps of 2/255, on CIFAR-10.
THREAT = "linf:8/255"
SVM_EPOCHS = {"smoke": 2, "laptop": 7, "paper": 7}  # 1,575 iterations of 200 images
CIFAR = Scale(dataset="cifar10", epochs=200)
SMOKE = {"dataset": "digits", "epochs": 2, "judged": 60}
LAPTOP = {"epochs": 12, "judged": 1000}
RESNETS = {
    "smoke": {"model": "resnet8(widths=(2, 4))", "train": 400, "schedule": "constant"},
    "laptop": {"model": "resnet8", "train": 10_000, "schedule": "cosine_decay(to=0.0)"},
    "paper": {"model": "resnet50", "schedule": "plateau(patience=10)", "augment": "crop_flip"},
}
# Of the training against PGD: from the weights of natural training, or as in the document from scratch.
AGAINST = {
    "smoke": {"start": "resnet", "attack": "pgd(steps=1, keep_best=False)"},
    "laptop": {"start": "resnet", "share": 0.5, "attack": "pgd(steps=3, keep_best=False)"},
    "paper": {"attack": f"pgd(steps=7, step_size={2 / 255:.6f}, keep_best=False)"},
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Divided(Network):
    """A network of which a tenth of each class of the training images is held out: 45,000 and 5,000 of CIFAR-10."""

    validation: float | None = 0.1
    keep: str | None = "last"

    def settings(self, scale):
        """See `Network.settings`."""
        return {**super().settings(scale), "stratify": True}


def scales(**laptop):
    """The presets of a study.

    Args:
        laptop: what the study has of its own there, e.g. `minutes`.
    """
    return CIFAR.presets(smoke=SMOKE, laptop={**LAPTOP, **laptop})


def svm(preset, title="Linear SVM", recipe="b", **options):
    """A linear SVM on pixels in [0, 1] less the mean of its training images, by minibatches of 200.

    >>> svm("laptop").loss
    'hinge'
    """
    by = RECIPES[recipe]
    options = {
        "model": "linear(center=True)",
        "batch_size": 20 if preset == "smoke" else 200,
        "optimizer": f"sgd(learning_rate={by.rate:g})",
        "weight_decay": 2 * by.decay,  # the settings' is d in d / 2 ||w||^2
        "share": SVM_EPOCHS[preset] / epochs(preset),
        **options,
    }
    return Divided(title=title, loss="hinge", schedule="constant", **options)


def resnet(preset, title="ResNet", **options):
    """The document's ResNet-50, or on a laptop ResNet-8 on a fifth of the images for 12 epochs."""
    options = {"weight_decay": 1e-4, "batch_size": 128, **RESNETS[preset], **options}
    return Divided(title=title, optimizer="sgd(learning_rate=0.1, momentum=0.9)", **options)


def robust_resnet(preset, title="ResNet, trained against PGD", **options):
    """The same, with every batch replaced by what PGD makes of it at l_inf 8/255."""
    options = {"method": "adversarial", "threat": THREAT, **AGAINST[preset], **options}
    return resnet(preset, title, **options)


def epochs(preset):
    """Of the presets of `scales`."""
    return {"smoke": SMOKE, "laptop": LAPTOP, "paper": {"epochs": CIFAR.epochs}}[preset]["epochs"]
