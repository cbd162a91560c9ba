"""Fine-tuning on DeepFool images of the classifier one starts from, crafted once.

Called "adversarial training" by Deng, Zhang, Zhao 2019 (section 2.2.2).

It defends against attacks on the model it started from, not against attacks on itself.
"""

import typing

import keras
import numpy as np

from tfadv.attacks.deepfool import DeepFool
from tfadv.data.split import Split, Unbounded
from tfadv.training.trainer import Trainer, TrainerOptions


class DeepFoolFinetune(Trainer):
    """Minimize the loss on static l_2 DeepFool images. Start from a trained classifier.

    Args:
        variant: of DeepFool.
        clip: keep its images in [0, 1], which the document's code does not do.
    """

    def __init__(
        self,
        classifier: keras.Model,
        *,
        variant: str = "seed001",
        clip: bool = True,
        **options: typing.Unpack[TrainerOptions],
    ):
        super().__init__(classifier, **options)
        self.deepfool = DeepFool(variant=variant, clip=clip)

    def prepare(self, split):
        x = split.x
        predicted = np.argmax(self.classifier.predict(x, batch_size=1000, verbose=0), axis=1).astype("int32")
        images = self.deepfool.minimal(self.classifier, x, predicted)
        return (Split if self.deepfool.clip else Unbounded)(images, split.labels)
