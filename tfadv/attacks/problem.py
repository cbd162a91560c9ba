"""What an attack works on: the classifier, the images, and when it has won. All of it is graph code."""

import dataclasses

import tensorflow as tf

from tfadv import gradients, losses
from tfadv.errors import invalid


@dataclasses.dataclass(frozen=True)
class Problem:
    """The classifier as a function, a batch of images, and what the attacker wants of them.

    Attributes:
        logits_fn: images to float32 logits.
        x: clean images, (n, h, w, c), or vectors, (n, d), in the box of the threat model.
        labels: true labels, (n,) int32.
        targets: labels the attacker wants, (n,) int32, or None for any wrong one.
        reference: the logits that the loss `kl` compares with, like those of `logits_fn`, or None.
        reject: whether the last column of the logits says "rejected", as in Carlini & Wagner: Adversarial Examples Are
            Not Easily Detected, 2017, section 3. Then an untargeted attacker has to bring about another class without
            being rejected, so the label and rejection together are what it must leave.
        surrogate: another function from images to logits, whose gradients an attack may follow; None if there is none.
    """

    logits_fn: object
    x: tf.Tensor
    labels: tf.Tensor
    targets: tf.Tensor | None = None
    reference: tf.Tensor | None = None
    reject: bool = False
    surrogate: object = None

    def reached(self, logits):
        """Where the attacker has won: (n,) bool."""
        predicted = tf.argmax(logits, axis=-1, output_type=tf.int32)
        # The operators forget the shape where one of the two is not known before it runs.
        if self.targets is not None:
            return tf.equal(predicted, self.targets)
        wrong = tf.not_equal(predicted, self.labels)
        return wrong & tf.not_equal(predicted, self.classes(logits)) if self.reject else wrong

    def margin(self, logits):
        """By how much the attacker has won, in logits: (n,), above 0 where he has, below 0 where he has not."""
        if self.targets is None:
            return losses.margin(self.labels, self.withstood(logits))
        return -losses.margin(self.targets, logits)

    def loss(self, name, logits):
        """What the attacker maximizes: (n,). The sign of targeted attacks turns here and nowhere else."""
        if name == "kl":  # of both, where the model rejects: being rejected instead of being right wins nothing
            return losses.kl(*(self.withstood(z, smooth=True) for z in (self.reference, logits)))
        if self.targets is None:
            return losses.LOSSES[name](self.labels, self.withstood(logits, smooth=name == "ce"))
        if name == "dlr":
            return losses.dlr_targeted(self.labels, logits, self.targets)
        return -losses.LOSSES[name](self.targets, logits)

    def classes(self, logits):
        """How many classes there are, besides rejection; also the index of the rejecting column."""
        return logits.shape[-1] - self.reject

    def withstood(self, logits, smooth=False):
        """The logits of the classes, (n, classes), where the label's is that of "the label or rejected".

        It is the larger of both, max(z_y, z_reject), or with `smooth` log(exp z_y + exp z_reject), so that
        softmax gives p_y + p_reject.
        """
        if not self.reject:
            return logits
        z, rejected = logits[:, :-1], logits[:, -1:]
        both = tf.maximum(z, rejected)
        if smooth:
            both += tf.math.softplus(-tf.abs(z - rejected))
        return tf.where(tf.one_hot(self.labels, z.shape[-1], True, False, dtype=tf.bool), both, z)

    def own(self, logits):
        """The column that an untargeted attacker has to leave: the label, or rejection where that is higher, (n,)."""
        if not self.reject:
            return self.labels
        rejected = logits[:, -1] > losses.true_logit(self.labels, logits)
        return tf.where(rejected, self.classes(logits), self.labels)

    def rivals(self, logits):
        """The wrong classes, the highest logit first: (n, classes - 1)."""
        return losses.rivals(self.labels, logits[:, : self.classes(logits)])

    def ascend(self, name, x_adv):
        """Logits, losses and the gradient that raises each loss."""
        return gradients.logits_and_gradient(self.logits_fn, x_adv, lambda logits: self.loss(name, logits))

    def only(self, alive):
        """The same problem for the examples with the indices `alive`, (m,) int32."""
        parts = {"x": self.x, "labels": self.labels, "targets": self.targets, "reference": self.reference}
        return dataclasses.replace(
            self, **{name: None if part is None else tf.gather(part, alive) for name, part in parts.items()}
        )

    def flattened(self):
        """The same problem with images as rows, (n, d)."""
        shape, image = tf.shape(self.x), self.x.shape

        def images(rows):
            return tf.ensure_shape(tf.reshape(rows, [-1, *tf.unstack(shape)[1:]]), [None, *image[1:]])

        rows = tf.ensure_shape(tf.reshape(self.x, [shape[0], -1]), [image[0], image[1:].num_elements()])
        return dataclasses.replace(self._seen_as(images), x=rows)

    def with_reference(self):
        """The same problem for the loss `kl`: it compares with the logits of the clean images, unless others are given.

        Raises:
            TfadvError: with targets, of which this loss knows nothing.
        """
        if self.targets is not None:
            raise invalid("loss", "one that knows targets", "kl", "use loss=ce.")
        return self if self.reference is not None else dataclasses.replace(self, reference=self.logits_fn(self.x))

    def as_images(self):
        """The same problem with vectors (n, d) as images of one column, (n, d, 1, 1); images stay as they are."""
        if len(self.x.shape) == 4:
            return self
        return dataclasses.replace(self._seen_as(lambda images: images[:, :, 0, 0]), x=self.x[:, :, None, None])

    def _seen_as(self, back):
        """The same functions of images in another form; `back` leads to the one they had."""
        within = lambda function: function and (lambda x: function(back(x)))  # noqa: E731
        return dataclasses.replace(self, logits_fn=within(self.logits_fn), surrogate=within(self.surrogate))

    def towards(self, targets):
        """The same problem with these labels to reach, (n,) int32."""
        return dataclasses.replace(self, targets=targets)
