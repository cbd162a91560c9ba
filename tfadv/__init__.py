"""Attack, robustly train, honestly judge and serve Keras 3 image classifiers.

Importing tfadv imports no TensorFlow; the names below load what they need when they are first used.

>>> from tfadv import PGD, LInf, evaluate, train
"""

import typing

from tfadv.attacks import ATTACKS
from tfadv.registry import lazy_names
from tfadv.threat import NORMS
from tfadv.version import __version__ as __version__

if typing.TYPE_CHECKING:
    from tfadv.attacks.apgd import APGD as APGD
    from tfadv.attacks.apgd import APGDT as APGDT
    from tfadv.attacks.autoattack import AutoAttack as AutoAttack
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
    from tfadv.data.datasets import load as _load_dataset
    from tfadv.defenses import defend as defend
    from tfadv.evaluation.evaluate import evaluate as evaluate
    from tfadv.graph.logits import as_logits_model as as_logits_model
    from tfadv.models import build as _build_model
    from tfadv.models.classifier import load as _load_classifier
    from tfadv.reports.page import write as _write_report
    from tfadv.serving.export import export as export
    from tfadv.threat.l0 import L0 as L0
    from tfadv.threat.l1 import L1 as L1
    from tfadv.threat.l2 import L2 as L2
    from tfadv.threat.linf import LInf as LInf
    from tfadv.threat.patch import Patch as Patch
    from tfadv.training.run import train as train

    load_dataset = _load_dataset
    build_model = _build_model
    load_classifier = _load_classifier
    write_report = _write_report
else:
    __getattr__, __dir__, __all__ = lazy_names(
        __name__,
        ATTACKS,
        NORMS,
        "tfadv.graph.logits:as_logits_model",
        "tfadv.training.run:train",
        "tfadv.defenses:defend",
        "tfadv.evaluation.evaluate:evaluate",
        "tfadv.serving.export:export",
        load_classifier="tfadv.models.classifier:load",
        load_dataset="tfadv.data.datasets:load",
        build_model="tfadv.models:build",
        write_report="tfadv.reports.page:write",
    )
