"""Training on the images as they are."""

from tfadv.training.trainer import Trainer


class Standard(Trainer):
    """Minimise the loss on clean images; with a threat model, robust accuracy is watched all the same."""
