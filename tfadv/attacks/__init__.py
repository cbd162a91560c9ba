"""Attacks: immutable values of hyper-parameters, called with a model and images. One file each, one line."""

from tfadv.registry import Registry

ATTACKS = Registry(
    "attack",
    {
        "fgsm": "tfadv.attacks.fgsm:FGSM",
        "pgd": "tfadv.attacks.pgd:PGD",
        "deepfool": "tfadv.attacks.deepfool:DeepFool",
    },
)


def get(text):
    """The attack that a spec string describes.

    >>> get("pgd(steps=10)")
    PGD(steps=10)

    Raises:
        TfadvError: for an unknown attack or option, and for values out of range.
    """
    return ATTACKS.build(text)
