"""The entropy of the prediction as a detector of adversarial images, for attackers who know of it and who do not.

Smith, Gal: Understanding Measures of Uncertainty for Adversarial Example Detection, 2018. The attacker who knows of it
attacks the network that rejects, as Carlini, Wagner 2017 ask: Adversarial Examples Are Not Easily Detected.
"""

import dataclasses

import numpy as np

from tfadv.study.measures import titled

# The share of clean images that the detector may reject; how many logits a nat of entropy above its threshold is worth.
REJECTED, STEEP = 0.05, 10.0


@dataclasses.dataclass(frozen=True)
class EntropyDetector:
    """How well H(p), p the mean prediction, tells images that an attack has fooled from the clean ones they were.

    The mean of `value`, (fooled,), is the area under the ROC curve: each is what an image and its attacked twin add to
    it, so that their spread is that of the area (DeLong, DeLong, Clarke-Pearson 1988); NaN where none is fooled.
    `withstood`, (n,) bool, is right under the attack, or rejected there; a clean image that is rejected is wrong. The
    threshold is chosen on other clean images than these, of which it rejects 5 %.

    Args:
        knows: whether the attacker knows of the detector; else he attacks the network without it.
        n: the first images, which are attacked; the threshold is chosen on the rest.
        draws: whose mean he follows, where the network answers at random.
    """

    attack: str
    threat: str
    knows: bool
    n: int
    draws: int = 10
    title: str = titled("Area under the ROC curve")

    def __call__(self, network):
        from tfadv import attacks

        judge, attack = network.first(self.n).judge(self.threat), attacks.get(self.attack)
        threshold = np.quantile(entropies(judge, network.x[self.n :]), 1 - REJECTED)
        draws, victim = self.draws if judge.random else 1, judge
        if self.knows:
            victim = dataclasses.replace(judge, model=rejecting(network.model, threshold, draws))
        elif judge.random:
            attack = attacks.EOT(attack=attack, draws=draws)
        places, clean = np.flatnonzero(judge.clean), entropies(judge, judge.x)
        x_adv = victim.attack(attack, places)
        right, after = judge.correct(x_adv, places), entropies(judge, x_adv)
        withstood = judge.clean & (clean <= threshold)
        withstood[places] &= right | (after > threshold)
        return {"value": areas(clean[places][~right], after[~right]), "withstood": withstood}


def entropies(judge, x):
    """-sum_k p_k log p_k in nats, p the mean softmax over the judge's passes: (n,)."""
    from tfadv.evaluation import metrics

    votes = metrics.votes(judge.model, x, judge.batch_size, judge.draws) if len(x) else ()
    p = np.mean([metrics.probabilities(z) for z in votes], axis=0) if len(x) else np.zeros((0, 1))
    return -(p * np.log(np.maximum(p, 1e-30))).sum(axis=1)


def areas(clean, attacked):
    """What each of n pairs of scores adds to the area under the ROC curve, which is their mean: (n,)."""
    if not len(clean):
        return np.full(1, np.nan)
    above = (attacked[:, None] > clean) + 0.5 * (attacked[:, None] == clean)
    return above.mean(axis=0) + above.mean(axis=1) - above.mean()


def rejecting(model, threshold, draws=1):
    """The network that rejects where the entropy of its answer is above the threshold, as attacks can follow it.

    What it answers, and the entropy, are of the same mean of so many passes; else as `tfadv.graph.reject.with_reject`.
    """
    import keras
    from keras import ops

    from tfadv import validation
    from tfadv.defenses import votes

    x = keras.Input(model.input_shape[1:])
    z = votes.united(model(votes.repeated(x, draws)), draws, "probabilities")
    log_p = ops.log_softmax(z, axis=-1)
    entropy = -ops.sum(ops.exp(log_p) * log_p, axis=-1, keepdims=True)
    rejected = ops.max(z, axis=-1, keepdims=True) + STEEP * (entropy - float(threshold))
    return keras.Model(x, keras.layers.Concatenate(name=validation.REJECTING)([z, rejected]))
