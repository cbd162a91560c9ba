"""Training of a classifier of latent codes, behind a trained autoencoder that stays as it is.

Cocola, Rabindranath: Making Neural Nets Robust Again, section 3.2.1. It starts from an autoencoder alone and
not from any classifier: `tfadv train --model runs/vae --method latent_codes`.
"""

import typing

import keras

from tfadv import models
from tfadv.data.split import Unbounded
from tfadv.errors import invalid
from tfadv.models import autoencoders
from tfadv.provenance import fingerprint
from tfadv.training.trainer import Trainer, TrainerOptions

KINDS = ("encoding", "projection")
HEAD = "head"
# The codes of a few splits, by what they depend on: the classifiers of the same codes are trained one after another.
CODES, KEPT = {}, 4


class LatentCodes(Trainer):
    """Minimize the loss of a new classifier on the codes of the training images, which are computed once.

    So are those of held-out images. What is saved is the classifier of images, the autoencoder's part in front, and is
    judged as that.

    Args:
        classifier: a trained autoencoder; the training starts from its file.
        head: the classifier of codes, a spec of `tfadv.models`.
        classes: how many the data have; `tfadv train` says so.
        codes: `"encoding"`, E(x), or `"projection"`, argmin_z ||D(z) - x||_p.
        sample: whether a variational encoder draws its codes, or gives their means.
        p, steps: of the projection, as `tfadv.defenses.projected` takes them.

    Raises:
        TfadvError: for a model that is no autoencoder, other codes, an attack, and options out of range.

    >>> LatentCodes(vae, classes=10, head="mlp(hidden=128, init=glorot)")  # doctest: +SKIP
    """

    def __init__(
        self,
        classifier: keras.Model,
        *,
        classes: int,
        head: str = "mlp(init=glorot)",
        codes: str = "encoding",
        sample: bool = True,
        p: int = 2,
        steps: int = 500,
        **options: typing.Unpack[TrainerOptions],
    ):
        if codes not in KINDS:
            raise invalid("codes", " or ".join(KINDS), repr(codes))
        classifier.trainable = False
        if codes == "encoding":
            encoder = autoencoders.encoding(classifier, sample=sample)
        else:
            encoder = autoencoders.projection(classifier, p=p, steps=steps)
        built = models.build(head, encoder.output_shape[1:], classes, options.get("seed", 0))
        built = keras.Model(built.inputs[0], built.outputs[0], name=HEAD)
        super().__init__(autoencoders.behind(encoder, classifier, built, f"{classifier.name}_{codes}"), **options)
        if self.validation_attack is not None:
            hint = "train without a threat model, and judge what is saved: tfadv evaluate."
            raise invalid("latent_codes", "no attack, as codes are no images", str(self.validation_attack), hint)
        self.known = codes, sample, p, steps, fingerprint(*classifier.get_weights())

    def call(self, x, training=None):
        x = self.learns_from(x) if isinstance(x, dict) else x
        asked = self.classifier.get_layer(HEAD) if len(x.shape) == 2 else self.classifier
        return asked(x, training=training)

    def prepare_held_out(self, split):
        return self.prepare(split)

    def prepare(self, split):
        key = (*self.known, split.fingerprint)
        if key not in CODES:
            while len(CODES) >= KEPT:
                CODES.pop(next(iter(CODES)))
            encoder = self.classifier.get_layer(autoencoders.CODES)
            CODES[key] = encoder.predict(split.x, batch_size=1000, verbose=0)
        return Unbounded(CODES[key], split.labels)
