"""Attacks: immutable values of hyper-parameters, called with a model and images. One file each, one line here.

>>> from tfadv.attacks import PGD, AutoAttack
"""

import typing

from tfadv.registry import Registry, lazy_names

ATTACKS = Registry(
    "attack",
    {
        "autoattack": "tfadv.attacks.autoattack:AutoAttack",
        "fgsm": "tfadv.attacks.fgsm:FGSM",
        "pgd": "tfadv.attacks.pgd:PGD",
        "apgd": "tfadv.attacks.apgd:APGD",
        "apgd_t": "tfadv.attacks.apgd:APGDT",
        "quick": "tfadv.attacks.quick:Quick",
        "square": "tfadv.attacks.square:Square",
        "sigma_zero": "tfadv.attacks.sigma_zero:SigmaZero",
        "sparse_rs": "tfadv.attacks.sparse_rs:SparseRS",
        "hill_climb": "tfadv.attacks.hill_climb:HillClimb",
        "simba": "tfadv.attacks.simba:SimBA",
        "boundary": "tfadv.attacks.boundary_walk:BoundaryWalk",
        "rays": "tfadv.attacks.rays:RayS",
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
        "twin": "tfadv.attacks.twin:Twin",
    },
)


def get(text: str) -> "Attack":
    """The attack that a spec string describes.

    >>> get("pgd(steps=10)")
    PGD(steps=10)

    Raises:
        TfadvError: for an unknown attack or option, and for values out of range.
    """
    return ATTACKS.build(text)


if typing.TYPE_CHECKING:
    from tfadv.attacks.apgd import APGD as APGD
    from tfadv.attacks.apgd import APGDT as APGDT
    from tfadv.attacks.autoattack import AutoAttack as AutoAttack
    from tfadv.attacks.base import Attack as Attack
    from tfadv.attacks.base import MinimumNormAttack as MinimumNormAttack
    from tfadv.attacks.boundary_walk import BoundaryWalk as BoundaryWalk
    from tfadv.attacks.bpda import BPDA as BPDA
    from tfadv.attacks.carlini_wagner import CW as CW
    from tfadv.attacks.ddn import DDN as DDN
    from tfadv.attacks.deepfool import DeepFool as DeepFool
    from tfadv.attacks.eot import EOT as EOT
    from tfadv.attacks.fab import FAB as FAB
    from tfadv.attacks.fab import FABT as FABT
    from tfadv.attacks.fgsm import FGSM as FGSM
    from tfadv.attacks.goal import GoalAttack as GoalAttack
    from tfadv.attacks.gradient_descent import GradientDescent as GradientDescent
    from tfadv.attacks.hill_climb import HillClimb as HillClimb
    from tfadv.attacks.mi_fgsm import MIFGSM as MIFGSM
    from tfadv.attacks.pgd import PGD as PGD
    from tfadv.attacks.quick import Quick as Quick
    from tfadv.attacks.rays import RayS as RayS
    from tfadv.attacks.sigma_zero import SigmaZero as SigmaZero
    from tfadv.attacks.simba import SimBA as SimBA
    from tfadv.attacks.sparse_rs import SparseRS as SparseRS
    from tfadv.attacks.square import Square as Square
    from tfadv.attacks.transfer import Transfer as Transfer
    from tfadv.attacks.twin import Twin as Twin
    from tfadv.attacks.uniform_noise import UniformNoise as UniformNoise
    from tfadv.attacks.wrapper import AttackWrapper as AttackWrapper
else:
    __getattr__, __dir__, __all__ = lazy_names(
        __name__,
        ATTACKS,
        "tfadv.attacks.base:Attack",
        "tfadv.attacks.base:MinimumNormAttack",
        "tfadv.attacks.wrapper:AttackWrapper",
    )
