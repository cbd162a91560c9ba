"""IBP: training on the worst logits that interval bounds allow, so that robustness can be proven afterwards.

Gowal et al.: Scalable Verified Training for Provably Robust Image Classification, ICCV 2019 (arXiv 1810.12715).
"""

import typing

import keras

from tfadv import losses
from tfadv.errors import TfadvError, invalid
from tfadv.graph.bounds import margin_bounds, proven, unbounded
from tfadv.options import number
from tfadv.passes import Passes
from tfadv.training.objective import hard, is_soft
from tfadv.training.trainer import Trainer, TrainerOptions


class IBP(Trainer):
    """min over weights of kappa CE(z(x), y) + (1 - kappa) CE(z_worst, y), z_worst by interval bounds (section 3).

    z_worst has for each class j the highest value that z_j - z_y can have in the ball, as `graph.bounds` proves it, the
    last layer taken together with the difference. While eps grows from 0 over a ramp, kappa falls from 1
    to `kappa`; without a ramp a network seldom learns anything. Networks are to have the layers that have bounds;
    their BatchNorm layers give bounds with their running statistics. The paper trains at twice the eps that is
    certified later on MNIST at 0.1: `wider=2`.

    `certified_accuracy` is the share of images of which the bounds prove that no attack fools them: within the eps of
    the moment in training, within that of the threat model in validation, which keeps the epoch where it is highest. A
    step costs three forward and backward passes.

    Args:
        threat: required: one whose pixels move independently, as `LInf(0.1)`.
        kappa: the weight of the clean images at the end of the ramp, from 0 and below 1.
        wider: by how much the eps of training exceeds that of the threat model, at least 1.

    Raises:
        TfadvError: without such a threat model, for a layer without bounds, which is named, for options out of range,
            for the hinge loss, and for soft labels, as mixup makes them.

    >>> IBP(model, threat=LInf(0.1), wider=2)  # doctest: +SKIP
    """

    trains_robust = True
    learns_clean = True
    learning = Passes(3, 3)
    selects_robust = False  # attacks say less than bounds
    watched = "certified_accuracy"

    def __init__(
        self,
        classifier: keras.Model,
        *,
        kappa: float = 0.5,
        wider: float = 1.0,
        **options: typing.Unpack[TrainerOptions],
    ):
        threat = options.get("threat")
        if threat is None or not threat.separable:
            expected = "a threat model that moves each pixel by itself"
            raise invalid("ibp: the threat model", expected, threat or "none", "add --threat linf:0.1.")
        if found := unbounded(classifier):
            raise invalid("ibp: the classifier", "layers that have interval bounds", found)
        super().__init__(classifier, **options)
        self.kappa = float(number("ibp: kappa", kappa, "a number from 0 and below 1", lambda kappa: 0 <= kappa < 1))
        self.wider = float(number("ibp: wider", wider, "a number of at least 1", lambda wider: wider >= 1))

    def build(self, input_shape):
        self.certified_accuracy = keras.metrics.Mean(name="certified_accuracy")
        super().build(input_shape)

    def compile(self, optimizer="rmsprop", loss=None, **options):
        if getattr(loss, "name", loss) == "hinge":
            raise TfadvError("ibp weighs two cross-entropies against each other and knows no hinge loss: --loss ce.")
        super().compile(optimizer, loss, **options)

    def labels(self, y):
        if is_soft(y):
            raise TfadvError("ibp bounds the logits of one label an image and knows no soft labels: leave mixup out.")
        return y

    def penalty(self, batch, y, logits):
        """(1 - kappa) (CE(z_worst, y) - CE(z(x), y)), which with the compiled CE(z(x), y) makes the loss."""
        threat = self.ramped(self.threat)
        margins = self._margins(threat.with_eps(self.wider * threat.eps), batch["x"], y)
        self.certified_accuracy.update_state(proven(margins, y))
        weight = (1 - self.kappa) * self.ramp_share()
        return weight * (losses.cross_entropy(y, -margins) - losses.cross_entropy(y, logits))

    def test_step(self, data):
        x, y, _ = self._unpack(data)
        labels = hard(y)
        self.certified_accuracy.update_state(proven(self._margins(self.threat, x, labels), labels))
        return super().test_step(data)

    def _margins(self, threat, x, y):
        return margin_bounds(self.classifier, *threat.region(x), y)
