"""Training on the images as they are."""

from tfadv.training.trainer import Trainer


class Standard(Trainer):
    """Minimize the loss on clean images; with a threat model, robust accuracy is reported all the same.

    The epoch kept is the one with the best clean accuracy: a plain classifier is at its most robust when it has
    hardly learnt anything.
    """

    selects_robust = False
