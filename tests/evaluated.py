"""The evaluation that several files look at: what was asked."""

from tfadv.threat import LInf

THREAT = LInf(0.1)
ATTACKS = ["fgsm", "pgd(steps=10)", "deepfool"]
