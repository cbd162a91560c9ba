"""Attacks: immutable values of hyper-parameters, called with a model and images. One file each, one line."""

from tfadv.registry import Registry

ATTACKS = Registry(
    "attack",
    {
        "autoattack": "tfadv.attacks.autoattack:AutoAttack",
        "fgsm": "tfadv.attacks.fgsm:FGSM",
        "pgd": "tfadv.attacks.pgd:PGD",
        "apgd": "tfadv.attacks.apgd:APGD",
        "apgd_t": "tfadv.attacks.apgd:APGDT",
        "square": "tfadv.attacks.square:Square",
        "hill_climb": "tfadv.attacks.hill_climb:HillClimb",
        "simba": "tfadv.attacks.simba:SimBA",
        "boundary": "tfadv.attacks.boundary_walk:BoundaryWalk",
        "transfer": "tfadv.attacks.transfer:Transfer",
        "noise": "tfadv.attacks.uniform_noise:UniformNoise",
        "deepfool": "tfadv.attacks.deepfool:DeepFool",
        "fab": "tfadv.attacks.fab:FAB",
        "fab_t": "tfadv.attacks.fab:FABT",
        "ddn": "tfadv.attacks.ddn:DDN",
        "cw": "tfadv.attacks.carlini_wagner:CW",
        "gradient_descent": "tfadv.attacks.gradient_descent:GradientDescent",
        "goal": "tfadv.attacks.goal:GoalAttack",
        "mi_fgsm": "tfadv.attacks.mi_fgsm:MIFGSM",
        "eot": "tfadv.attacks.eot:EOT",
        "bpda": "tfadv.attacks.bpda:BPDA",
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
