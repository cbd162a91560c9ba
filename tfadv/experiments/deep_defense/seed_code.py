"""What the authors' code of Deng, Zhang, Zhao 2019 trains, as it is."""

import numpy as np
import tensorflow as tf

from tfadv.training.deepfool_finetune import DeepFoolFinetune


class SeedDeepDefense(DeepFoolFinetune):
    """Fine-tuning on DeepFool images with a summed loss, and a regularizer that has no gradient.

    sum CE(x') + lam * sum [exp(-c r m) + exp(d r (1 - m))], x' the DeepFool image, r = ||x' - x|| / ||x'|| and m its
    being classified correctly. r is a table of numbers made before training and m a comparison, so that nothing
    depends on the weights smoothly; the masks stand inside the exponents, so that every example adds a constant 1.
    Train it in data order, as the code does: r is looked up by the optimizer's step.
    """

    def __init__(self, classifier, *, lam=15.0, c=25.0, d=5.0, **options):
        super().__init__(classifier, variant="seed001", clip=False, **options)
        self.lam, self.c, self.d, self.ratios = lam, c, d, None

    def prepare(self, split):
        crafted = super().prepare(split)
        moved, length = (np.linalg.norm(a.reshape(len(a), -1), axis=1) for a in (crafted.x - split.x, crafted.x))
        self.ratios = tf.constant(moved / length, tf.float32)
        return crafted

    def penalty(self, batch, y, logits):
        n = tf.shape(y)[0]
        step = tf.cast(self.optimizer.iterations, tf.int32) % (tf.size(self.ratios) // n)
        r = self.ratios[step * n : (step + 1) * n]
        right = tf.cast(tf.argmax(logits, axis=-1, output_type=y.dtype) == y, tf.float32)
        each = tf.exp(-self.c * r * right) + tf.exp(self.d * r * (1 - right))
        return self.lam * tf.cast(n, tf.float32) * each  # the trainer adds the mean, the code the sum
