"""The residual networks that several studies share: widths and depths, each recipe once.

The document trains ResNet-20, ResNet-18 ("wide", though of the usual width) and VGG11 on a random mix of l_inf and
l_2 PGD for 50 epochs. Which of width and depth matters, networks of one family tell, two and two with as many
weights.
"""

import dataclasses

from tfadv.experiments.biparo.networks import ATTACKS, BASICNET, LINF, SMOKE, mixed
from tfadv.study import Network

RESIDUAL = BASICNET.but(model="resnet20", epochs=50, schedule="step(at=(30, 40))")
# Short trainings of small networks: two steps, a falling rate.
LAPTOP = {
    "model": "resnet8(widths=(8, 16, 32))",
    "train": 5000,
    "epochs": 8,
    "judged": 2000,
    "batch_size": 64,
    "optimizer": "adam(learning_rate=0.003)",
    "schedule": "cosine_decay",
    "augment": "none",
}
FEW_STEPS = ATTACKS | {"laptop": "pgd(steps=2, keep_best=False)"}
# (width of the first stage, model): three widths at depth 8, the deeper ones with as many weights as the ones before.
GRID = {
    "smoke": {
        "w8": ("width 16", SMOKE["model"]),
        "deep": ("width 8, deeper", "mlp(hidden=(8, 8), init=glorot)"),
    },
    "laptop": {
        "w4": ("ResNet-8, width 4", "resnet8(widths=(4, 8, 16))"),
        "w8": ("ResNet-8, width 8", "resnet8(widths=(8, 16, 32))"),
        "w12": ("ResNet-8, width 12", "resnet8(widths=(12, 24, 48))"),
        "deep": ("ResNet-20, width 4", "resnet20(widths=(4, 8, 16))"),
    },
    "paper": {
        "w4": ("ResNet-8, width 16", "resnet8(widths=(16, 32, 64))"),
        "w8": ("ResNet-8, width 32", "resnet8(widths=(32, 64, 128))"),
        "w12": ("ResNet-8, width 64", "resnet8(widths=(64, 128, 256))"),
        "deep": ("ResNet-20, width 16", "resnet20(widths=(16, 32, 64))"),
    },
}


def residual(**laptop):
    """The presets of a study of residual networks.

    Args:
        laptop: what the study has of its own there, e.g. `minutes`.
    """
    return RESIDUAL.presets(smoke=SMOKE, laptop={**LAPTOP, **laptop})


def grid(preset):
    """The networks of one family by width and depth, trained on a random mix of l_inf and l_2 PGD."""
    options = {"attack": FEW_STEPS[preset], "start": None}
    return {
        name: mixed(preset, title, "random", model=model, **options) for name, (title, model) in GRID[preset].items()
    }


def trained(preset, title, threat=LINF, **options):
    """A residual network trained against PGD in one ball."""
    options = {"method": "adversarial", "attack": FEW_STEPS[preset], **options}
    return Network(title=title, threat=threat, **options)


def at_own_scale(network, preset, scale):
    """A network of these presets in a study of another scale: trained as here, so that both studies share it."""
    own = residual()[preset]
    return dataclasses.replace(network, share=own.epochs / scale.epochs, **network.over(own))
