"""One classifier, the images that it is judged on, and the threat model: what every figure of an evaluation shares."""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tfadv import validation
from tfadv.attacks.eot import EOT
from tfadv.evaluation import metrics
from tfadv.options import BATCH

if TYPE_CHECKING:
    import keras

    from tfadv.attacks.base import Attack
    from tfadv.threat import ThreatModel

# Added to the seed where a second attack on the same images is to draw other random numbers than the first.
FRESH = 1_000_000_007
# A vote by so many passes decides where the one that found an image fooled was less clear than `CLEAR`: passes that the
# attack has not seen, so that asking often does not win. Of 100 passes half are wrong in 3 of 100 cases where each is
# with 40 %, of 20 passes in 24.
SECOND, CLEAR = 100, 0.1


class Outcomes(NamedTuple):
    """What a judge says of adversarial images, each (k,) bool.

    Attributes:
        right: the model is right about them; of a random model most of its answers are.
        returned: a first vote found them fooled, and a second one did not.
        abstained: the model rejects them, or names no class above the others.
    """

    right: np.ndarray
    returned: np.ndarray
    abstained: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class Judge:
    """A classifier on images under a threat model. Measures ask it for logits, right and wrong, and attacks.

    Attributes:
        model: images to logits.
        x, y: the judged images, (n, h, w, c) floats in [0, 1], and their labels, (n,) ints.
        threat: what the attacker may do.
        seed: of attacks. batch_size: images at a time.
        draws: forward passes that judge an image, by majority; more than one where the model is random.
        jitter: by how much these passes move the pixels, where the images of a batch seed its noise; else 0.

    >>> judge = Judge(model, x, y, LInf(8 / 255))  # doctest: +SKIP
    >>> judge.correct(judge.attack(PGD(steps=40))).mean()  # doctest: +SKIP
    0.31
    """

    model: keras.Model
    x: np.ndarray
    y: np.ndarray
    threat: ThreatModel
    seed: int = 0
    batch_size: int = BATCH
    draws: int = 1
    jitter: float = 0.0

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
        """Logits of any images, (k, classes) float32; of a random model their mean over `draws` passes."""
        return sum(self._votes(x, self.draws)) / np.float32(self.draws)

    def correct(self, x_adv: np.ndarray, at=slice(None), *, attacked: bool = True) -> np.ndarray:
        """Where the model gives the images `x_adv`, (k, h, w, c), the labels of the judged images `at`: (k,) bool.

        If they are `attacked`, rejecting them is right as well.
        """
        return self.share_right(x_adv, at, attacked=attacked) > 0.5

    def share_right(
        self, x_adv: np.ndarray, at=slice(None), *, attacked: bool = True, draws: int | None = None, ballot: int = 0
    ) -> np.ndarray:
        """The share of `draws` passes, of the judge's own number if None, that are right as in `correct`: (k,) floats.

        Args:
            ballot: a number; another one moves the pixels otherwise, where that draws the noise.
        """
        rejecting = attacked and validation.rejects(self.model)
        return metrics.share_right(self._votes(x_adv, draws or self.draws, ballot), self.y[at], rejecting)

    def outcomes(self, x_adv: np.ndarray, at=slice(None)) -> Outcomes:
        """What the model makes of adversarial images `x_adv`, (k, h, w, c), of the judged images `at`.

        What an unclear vote of a random model finds fooled, a second vote by 100 fresh passes decides.
        """
        rejecting, y = validation.rejects(self.model), self.y[at]
        answers = list(self._votes(x_adv, self.draws))
        share = metrics.share_right(answers, y, rejecting)
        abstained = np.mean([self._abstains(z) for z in answers], axis=0) > 0.5
        doubtful = np.flatnonzero((share <= 0.5) & (share > CLEAR)) if self.random else np.zeros(0, int)
        right = share > 0.5
        if doubtful.size:
            again = self._votes(x_adv[doubtful], SECOND, ballot=1)
            right[doubtful] = metrics.share_right(again, y[doubtful], rejecting) > 0.5
        return Outcomes(right, right & (share <= 0.5), abstained)

    def _votes(self, x, draws, ballot=0):
        return metrics.votes(self.model, x, self.batch_size, draws, self.jitter, ballot)

    def _abstains(self, z):
        """Where logits (k, classes) name no class: the last column is no label and the highest, or all are alike."""
        # A few images may be of some classes only.
        unlabeled = self.y.max() < z.shape[1] - 1 and len(self.y) >= 10 * z.shape[1]
        unknown = validation.rejects(self.model) or validation.abstains(self.model) or unlabeled
        alike = ~np.isfinite(z).all(axis=1) | (np.ptp(z, axis=1) == 0)
        return alike | (unknown & (z.argmax(axis=1) == z.shape[1] - 1))

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

    def until_fooled(self, attack: Attack) -> Attack:
        """The attack for judging, which wastes nothing on images that it has fooled.

        A random model is fooled now and then by luck, which is no reason to stop; `EOT` knows by itself what is luck.
        """
        return attack if self.random and not isinstance(attack, EOT) else attack.until_fooled()

    def withstands(
        self, attack: Attack, at=slice(None), *, eps: float | None = None, fresh: bool = False
    ) -> np.ndarray:
        """Which of the judged images `at` are right under an attack that runs on just these: (k,) bool."""
        return self.outcomes(self.attack(attack, at, eps=eps, fresh=fresh), at).right

    def only(self, at) -> Judge:
        """The same judge of the images `at` alone; what the model said of the clean ones is not asked again."""
        return dataclasses.replace(self, x=self.x[at], y=self.y[at])._knowing(self, at)

    def under(self, threat: ThreatModel, seed: int) -> Judge:
        """The same judge under another threat model, with another seed; the clean images are not asked again."""
        return dataclasses.replace(self, threat=threat, seed=seed)._knowing(self)

    def _knowing(self, other, at=slice(None)):
        for name in ("clean_logits", "clean"):
            self.__dict__[name] = getattr(other, name)[at]
        return self
