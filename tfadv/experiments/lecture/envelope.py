"""How well the gradient at adversarial images tells how the worst-case loss changes. See `tfadv.study.measures`."""

import dataclasses

import numpy as np

from tfadv.study.measures import titled


@dataclasses.dataclass(frozen=True)
class Envelope:
    """d/dt max_{x'} L(w + t v, x') for some directions v of the weights, beside what adversarial training takes for it:
    the gradient of L at the images x' that an attack finds at w, as if they were constants (Danskin 1966).

    `numeric` are central differences, (directions,), for which the images are attacked anew on both sides; `told` is
    the gradient along v; `value` is |numeric - told|, each as a share of the mean |told|. A direction is a gradient of
    which half of the entries, drawn at random, are left out: along others the loss hardly changes.

    Args:
        n: the first images, which are attacked; step: how far w moves, as a share of its length.
        along: the attack with whose images the gradient of the directions is taken, so that two attacks can be
            compared direction by direction; None is `attack`.
    """

    attack: str
    threat: str
    n: int = 200
    directions: int = 10
    step: float = 1e-3
    along: str | None = None
    title: str = titled("Error of the derivative")

    def __call__(self, network):
        judge, weights = network.first(self.n).judge(self.threat), network.model.trainable_variables
        start = [weight.numpy() for weight in weights]
        gradient = gradient_at(judge, self.attack)
        along = gradient_at(judge, self.along) if self.along else gradient
        length, rng = self.step * norm(start), np.random.default_rng(network.seed)
        told, numeric = np.zeros((2, self.directions))
        for k in range(self.directions):
            way = [part * rng.integers(0, 2, part.shape) for part in along]
            way = [part / max(norm(way), 1e-30) for part in way]
            told[k] = sum((a * b).sum() for a, b in zip(gradient, way, strict=True))
            sides = []
            for sign in (1, -1):
                for weight, at, part in zip(weights, start, way, strict=True):
                    weight.assign(at + sign * length * part)
                sides.append(worst_loss(judge, self.attack))
            numeric[k] = (sides[0] - sides[1]) / (2 * length)
            network.progress("directions", k + 1, self.directions)
        for weight, at in zip(weights, start, strict=True):
            weight.assign(at)
        return {"value": abs(numeric - told) / abs(told).mean(), "numeric": numeric, "told": told}


def norm(arrays):
    """The l_2 norm of several arrays together."""
    return float(np.sqrt(sum((array.astype(np.float64) ** 2).sum() for array in arrays)))


def attacked(judge, attack):
    """What the attack makes of all images: always from the same random start."""
    from tfadv import attacks

    return judge.attack(attacks.get(attack))


def worst_loss(judge, attack):
    """The mean cross-entropy of what the attack finds at the present weights, summed in double precision."""
    from tfadv import losses

    loss = losses.cross_entropy(judge.y, judge.model(attacked(judge, attack), training=False))
    return float(loss.numpy().astype(np.float64).mean())


def gradient_at(judge, attack):
    """The gradient of the mean cross-entropy for the weights, at the images that the attack finds."""
    import tensorflow as tf

    from tfadv import losses

    x_adv = attacked(judge, attack)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(losses.cross_entropy(judge.y, judge.model(x_adv, training=False)))
    return [part.numpy() for part in tape.gradient(loss, judge.model.trainable_variables)]
