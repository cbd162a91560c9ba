"""Architectures: plain `keras.Model`s, pixels in, float32 logits out. One family a file, one line here."""

import inspect
import typing
from collections.abc import Sequence

from tfadv import spec
from tfadv.errors import TfadvError, reason
from tfadv.registry import Registry, lazy_names

if typing.TYPE_CHECKING:
    import keras
    import numpy as np

MODELS = Registry(
    "model",
    {
        "linear": "tfadv.models.dense:linear",
        "mlp": "tfadv.models.dense:mlp",
        "mlp_mnist": "tfadv.models.dense:mlp_mnist",
        "lenet": "tfadv.models.convnets:lenet",
        "basicnet": "tfadv.models.convnets:basicnet",
        "cnn": "tfadv.models.convnets:cnn",
        "cnn_maxpool": "tfadv.models.convnets:cnn_maxpool",
        "resnet": "tfadv.models.resnet:resnet_of_depth",
        "resnet8": "tfadv.models.resnet:resnet8",
        "resnet20": "tfadv.models.resnet:resnet20",
        "resnet18": "tfadv.models.resnet_projected:resnet18",
        "resnet50": "tfadv.models.resnet_projected:resnet50",
        "vgg11": "tfadv.models.vgg:vgg11",
        "wrn": "tfadv.models.wide_resnet:wrn",
    },
)
# No classifiers, and in no list of them: `tfadv train --model vae --method reconstruction`.
AUTOENCODERS = Registry("autoencoder", {"ae": "tfadv.models.autoencoders:ae", "vae": "tfadv.models.autoencoders:vae"})
MODELS.unlisted |= AUTOENCODERS.places


def build(
    text: str, image_shape: Sequence[int], classes: int, seed: int = 0, images: "np.ndarray | None" = None
) -> "keras.Model":
    """A new classifier from a spec string.

    Args:
        text: `"mlp"`, `"mlp(hidden=(500, 150))"`, ...
        image_shape: (height, width, channels).
        classes: number of classes, at least 2.
        seed: of the initial weights.
        images: those that it will be trained on, (n, height, width, channels), uint8 or float in [0, 1], for models
            that begin with the mean of them.

    >>> build("mlp", (28, 28, 1), 10).count_params()
    79510

    Raises:
        TfadvError: for an unknown model or option, and for images that are too small for the architecture.
    """
    image_shape = tuple(image_shape)
    fixed = {"image_shape": image_shape, "classes": classes, "seed": seed}
    try:
        if "images" in inspect.signature(MODELS.get(spec.parse(text)[0])).parameters:
            fixed["images"] = images
        return MODELS.build(text, **fixed)
    except TfadvError:
        raise
    except (TypeError, ValueError) as error:  # Keras' refusals of sizes and of values.
        raise TfadvError(f"cannot build {text!r} for images of {image_shape}: {reason(error)}") from error


if typing.TYPE_CHECKING:
    from tfadv.models.classifier import load as load
    from tfadv.models.convnets import basicnet as basicnet
    from tfadv.models.convnets import cnn as cnn
    from tfadv.models.convnets import cnn_maxpool as cnn_maxpool
    from tfadv.models.convnets import lenet as lenet
    from tfadv.models.dense import linear as linear
    from tfadv.models.dense import mlp as mlp
    from tfadv.models.dense import mlp_mnist as mlp_mnist
    from tfadv.models.resnet import resnet8 as resnet8
    from tfadv.models.resnet import resnet20 as resnet20
    from tfadv.models.resnet import resnet_of_depth as resnet_of_depth
    from tfadv.models.resnet_projected import resnet18 as resnet18
    from tfadv.models.resnet_projected import resnet50 as resnet50
    from tfadv.models.vgg import vgg11 as vgg11
    from tfadv.models.wide_resnet import wrn as wrn
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, MODELS, "tfadv.models.classifier:load")
