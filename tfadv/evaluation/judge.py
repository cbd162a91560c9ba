"""One classifier, the images that it is judged on, and the threat model: what every figure of an evaluation shares."""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING

import numpy as np

from tfadv.evaluation import metrics

if TYPE_CHECKING:
    import keras

    from tfadv.attacks.base import Attack
    from tfadv.threat import ThreatModel

# Added to the seed where a second attack on the same images is to draw other random numbers than the first.
FRESH = 1_000_000_007


@dataclasses.dataclass(frozen=True, eq=False)
class Judge:
    """A classifier on images under a threat model. Measures ask it for logits, right and wrong, and attacks.

    Attributes:
        model: images to logits.
        x, y: the judged images, (n, h, w, c) floats in [0, 1], and their labels, (n,) ints.
        threat: what the attacker may do.
        seed: of attacks. batch_size: images at a time.
        draws: forward passes that judge an image, by majority; more than one where the model is random.

    >>> judge = Judge(model, x, y, LInf(8 / 255))  # doctest: +SKIP
    >>> judge.correct(judge.attack(PGD(steps=40))).mean()  # doctest: +SKIP
    0.31
    """

    model: keras.Model
    x: np.ndarray
    y: np.ndarray
    threat: ThreatModel
    seed: int = 0
    batch_size: int = 500
    draws: int = 1

    @property
    def random(self) -> bool:
        """Whether the model answers at random."""
        return self.draws > 1

    @functools.cached_property
    def clean_logits(self) -> np.ndarray:
        """Logits of the judged images, (n, classes); asked once."""
        return self.logits(self.x)

    @functools.cached_property
    def clean(self) -> np.ndarray:
        """Which of the judged images the model gets right, (n,) bool; asked once."""
        return self.correct(self.x, attacked=False) if self.random else self.clean_logits.argmax(axis=1) == self.y

    @property
    def classes(self) -> int:
        return self.clean_logits.shape[1]

    def logits(self, x: np.ndarray) -> np.ndarray:
        """Logits of any images, (k, classes) float32."""
        return metrics.logits(self.model, x, self.batch_size)

    def correct(self, x_adv: np.ndarray, at=slice(None), *, attacked: bool = True) -> np.ndarray:
        """Where the model gives the images `x_adv`, (k, h, w, c), the labels of the judged images `at`: (k,) bool.

        If they are `attacked`, rejecting them is right as well.
        """
        return metrics.correct(self.model, x_adv, self.y[at], self.batch_size, self.draws, attacked)

    def attack(
        self, attack: Attack, at=slice(None), *, eps: float | None = None, fresh: bool = False, targets=None
    ) -> np.ndarray:
        """Adversarial images for the judged images `at`: (k, h, w, c).

        Args:
            attack: an `Attack`.
            at: indices, a mask or a slice; all images if left out.
            eps: another radius than the threat model's.
            fresh: draw other random numbers than other attacks with this seed.
            targets: labels to reach, (k,) ints; None for an untargeted attack.
        """
        threat = self.threat if eps is None else self.threat.with_eps(float(eps))
        seed = self.seed + (FRESH if fresh else 0)
        options = {"threat": threat, "targets": targets, "seed": seed, "batch_size": self.batch_size}
        return attack(self.model, self.x[at], self.y[at], **options)

    def withstands(
        self, attack: Attack, at=slice(None), *, eps: float | None = None, fresh: bool = False
    ) -> np.ndarray:
        """Which of the judged images `at` are right under an attack that runs on just these: (k,) bool."""
        return self.correct(self.attack(attack, at, eps=eps, fresh=fresh), at)

    def only(self, at) -> Judge:
        """The same judge of the images `at` alone."""
        return dataclasses.replace(self, x=self.x[at], y=self.y[at])
