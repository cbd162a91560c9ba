"""Measures of codes: how well images are made of them again, and adversaries in the space of codes.

See `tfadv.study.measures`.
"""

import dataclasses

import numpy as np

from tfadv.experiments.latent.adversaries import pairs
from tfadv.experiments.latent.distances import distances
from tfadv.reports import figures
from tfadv.study.measures import titled

# What stands between the images and the classifier, and the classifier, in networks on codes.
FRONT, HEAD = "codes", "head"


@dataclasses.dataclass(frozen=True)
class Decoded:
    """The images that an autoencoder makes of the codes of the first n images: `value`, (n,), is the mean over
    the pixels of |D(z) - x|^error; `x` and `decoded` are the first ten.

    Args:
        codes: `"encoding"`, of a variational autoencoder its mean, or `"projection"`, nearest in l_p.
    """

    codes: str
    p: int = 2
    error: int = 2
    n: int = 500
    steps: int = 500
    title: str = titled("")

    def __call__(self, network):
        from tfadv.models import autoencoders

        _, decoder = autoencoders.parts(network.model)
        if self.codes == "encoding":
            front = autoencoders.encoding(network.model, sample=False)
        else:
            front = autoencoders.projection(network.model, p=self.p, steps=self.steps)
        x = network.x[: self.n]
        decoded = decoder.predict(front.predict(x, batch_size=500, verbose=0), batch_size=500, verbose=0)
        error = (np.abs(decoded - x) ** self.error).mean(axis=(1, 2, 3))
        return {"value": error, "x": x[:10], "decoded": decoded[:10]}

    def pictures(self, arrays, names, title):
        """Ten images, and below what is decoded (figure 3)."""
        return [(title, figures.image_grid(np.concatenate([arrays["x"], arrays["decoded"]]), columns=10))]


@dataclasses.dataclass(frozen=True)
class GoalCodeAdversaries:
    """The document's adversaries of a classifier of codes: the code is changed, not the image, and has no bounds.

    `value` is ||z_adv - z||_2 / ||z||_2, (n,), infinite where none was found, NaN where the classifier is wrong about
    z; `decoded` is that of D(z_adv) and D(z).

    Args:
        of: the autoencoder.
        each: of every ordered pair of classes.
    """

    of: str
    each: int = 2
    attack: str = "goal(steps=200, clip=False)"
    title: str = titled("Distance in codes")

    @property
    def needs(self):
        """The autoencoder."""
        return ((self.of,),)

    def __call__(self, network):
        from tfadv import attacks
        from tfadv.evaluation import metrics
        from tfadv.models import autoencoders

        front, head = network.model.get_layer(FRONT), network.model.get_layer(HEAD)
        at, goals = pairs(network.y, len(network.dataset.class_names), self.each)
        z = front.predict(network.x[at], batch_size=500, verbose=0)
        right = metrics.predictions(head, z) == network.y[at]
        moved = attacks.get(self.attack).minimal(head, z, network.y[at], box=None, targets=goals)
        sure = metrics.probabilities(metrics.logits(head, moved))[np.arange(len(at)), goals]
        _, decoder = autoencoders.parts(network.other(self.of).model)
        images, images_adv = (decoder.predict(part, verbose=0) for part in (z, moved))
        decoded = distances(images_adv - images, images, sure, right)
        return {"value": distances(moved - z, z, sure, right), "decoded": decoded}
