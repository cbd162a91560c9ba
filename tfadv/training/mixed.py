"""Mixed adversarial training: one of several attacks on each image, drawn at random, or the worst of all.

Araujo et al.: Advocating for Multiple Defense Strategies against Adversarial Examples, 2020 (MAT). Worst of all:
also Tramer, Boneh: Adversarial Training and Robustness for Multiple Perturbations, 2019 (MAX).
"""

from collections.abc import Sequence

import keras
import tensorflow as tf

from tfadv import gradients, losses, random
from tfadv.attacks.base import Attack
from tfadv.errors import TfadvError, invalid
from tfadv.passes import Passes, summed
from tfadv.threat import ThreatModel
from tfadv.training.shares import check_share, crafted_but_for
from tfadv.training.trainer import Trainer


class Mixed(Trainer):
    """min over weights of E L(x_k, y), x_k what the k-th pair of attack and threat model makes of x.

    An image is right in validation if it withstands every pair.

    Args:
        attack, threat: required; one of each, or tuples: several threat models with one attack for all of them, or
            with one attack each.
        validation_attack: takes the place of all attacks in validation.
        pick: `"random"`, where k is drawn (MAT-Rand), or `"worst"`, where x_k is what has the highest cross-entropy
            (MAT-Max). Drawing costs one attack, the worst all of them.
        by: `"image"` or `"batch"`: for which of them k is drawn, and of which `clean` is a share.
        clean: the share of natural images among the others, see `Adversarial`; `mixed(by=batch, clean=0.05)` trains on
            5 % natural batches.

    Raises:
        TfadvError: if attack or threat is missing, for numbers of them that do not fit, and for other words.

    >>> Mixed(model, attack=PGD(steps=7), threat=(LInf(8 / 255), L2(0.5)), by="batch")  # doctest: +SKIP
    """

    trains_on_attack = True
    trains_on_several = True
    trains_robust = True

    def __init__(
        self,
        classifier: keras.Model,
        *,
        attack: Attack | Sequence[Attack] | None = None,
        threat: ThreatModel | Sequence[ThreatModel] | None = None,
        validation_attack: Attack | None = None,
        seed: int = 0,
        pick: str = "random",
        by: str = "image",
        clean: float = 0.0,
    ):
        attacks, threats = _as_tuple(attack), _as_tuple(threat)
        if not attacks or not threats:
            raise TfadvError(
                'mixed training needs an attack and threat models: --attack "pgd(steps=7)" --threat linf:8/255 '
                "--threat l2:0.5."
            )
        if len(attacks) not in (1, len(threats)):
            raise invalid("mixed: attack", f"one, or one for each of the {len(threats)} threat models", len(attacks))
        if pick not in ("random", "worst"):
            raise invalid("mixed: pick", "random or worst", repr(pick))
        check_share("mixed", clean, by)
        options = {"attack": attacks[0], "threat": threats[0], "seed": seed}
        super().__init__(classifier, validation_attack=validation_attack, **options)
        attacks = attacks * len(threats) if len(attacks) == 1 else attacks
        self.adversaries, self.pick = tuple(zip(attacks, threats, strict=True)), pick
        self.by, self.clean = by, clean
        self.validated = tuple((validation_attack or attack, threat) for attack, threat in self.adversaries)

    def validation_adversaries(self):
        return self.validated

    def remarks(self, history):
        if len(self.adversaries) > 1 or self.clean:
            return []
        return [
            "With one attack and one threat model mixed training is adversarial training: mix several, e.g. with "
            "--threat linf:8/255 --threat l2:0.5, or call it --method adversarial."
        ]

    def cost(self, classes):
        each = [attack.cost(classes) for attack, _ in self.adversaries]
        if self.pick == "worst":  # and one more pass of each, to compare
            return summed(*each, Passes(len(each), 0), self.learning)
        return summed(max(each), self.learning)

    def craft(self, x, y):
        craft = self._worst if self.pick == "worst" else self._random if self.by == "image" else self._one
        return crafted_but_for(self.clean, self.by, craft, x, y, self.noise_seed())

    def _one(self, x, y):
        """One attack on all images."""
        seed, several = self.noise_seed(), len(self.adversaries)
        drawn = tf.random.stateless_uniform([], random.key(seed, several), maxval=several, dtype=tf.int32, alg="philox")
        attacked = [
            lambda k=k, pair=pair: self.attacked(*pair, x, y, random.key(seed, k))
            for k, pair in enumerate(self.adversaries)
        ]
        return tf.ensure_shape(tf.switch_case(drawn, attacked), x.shape)

    def _random(self, x, y):
        """Each attack on its share of the images."""
        seed, several = self.noise_seed(), len(self.adversaries)
        drawn = tf.random.stateless_uniform(
            tf.shape(y), random.key(seed, several), maxval=several, dtype=tf.int32, alg="philox"
        )
        x_adv = x
        for k, pair in enumerate(self.adversaries):
            x_adv = self._crafted_at(tf.where(drawn == k), x_adv, x, y, *pair, random.key(seed, k))
        return tf.ensure_shape(x_adv, x.shape)

    def _crafted_at(self, at, x_adv, x, y, attack, threat, seed):
        """`x_adv` with what an attack makes of the images at these places, (m, 1), if there are any."""

        def crafted():
            share, labels = tf.gather_nd(x, at), tf.gather_nd(y, at)
            # Not under XLA: the number of images changes from step to step.
            found = attack.craft(self.classifier, share, labels, threat=self.ramped(threat), seed=seed)
            return tf.tensor_scatter_nd_update(x_adv, at, found)

        return tf.cond(tf.size(at) > 0, crafted, lambda: x_adv)

    def _worst(self, x, y):
        """All attacks on all images; of each image the one with the highest cross-entropy."""
        seed, logits_fn = self.noise_seed(), gradients.logits_of(self.classifier)
        found = [
            self.attacked(attack, threat, x, y, random.key(seed, k))
            for k, (attack, threat) in enumerate(self.adversaries)
        ]
        heights = tf.stack([losses.cross_entropy(y, logits_fn(x_adv)) for x_adv in found], axis=1)
        return tf.gather(tf.stack(found, axis=1), tf.argmax(heights, axis=1), batch_dims=1)


def _as_tuple(value):
    return value if isinstance(value, tuple) else () if value is None else (value,)
