"""Defenses that are no way of training: classifiers turned into another plain `keras.Model`, images to logits.

Each answers as the classifier that is to be attacked: `tfadv evaluate` sees whether it is random, and averages.
"""

import inspect
import typing
from collections.abc import Sequence

from tfadv import remedies, spec
from tfadv.errors import TfadvError, invalid, reason
from tfadv.registry import Registry, lazy_names

if typing.TYPE_CHECKING:
    import keras

DEFENSES = Registry(
    "defense",
    {
        "noise": "tfadv.defenses.prediction_noise:with_noise",
        "mc_dropout": "tfadv.defenses.mc_dropout:with_dropout",
        "smoothed": "tfadv.defenses.smoothing:smoothed",
        "ensemble": "tfadv.defenses.ensembles:ensemble",
        "low_rank": "tfadv.defenses.low_rank:with_low_rank",
        "encoded": "tfadv.defenses.latent_codes:encoded",
        "projected": "tfadv.defenses.latent_codes:projected",
    },
)


def defend(classifiers: "keras.Model | Sequence[keras.Model]", text: str) -> "keras.Model":
    """The defended classifier that a spec string describes.

    Args:
        classifiers: the one that is defended; of an ensemble all its members; behind an autoencoder first the
            classifier, then the autoencoder.
        text: `"noise(sigma=0.03, votes=10)"`, `"mc_dropout(votes=20)"`, `"ensemble(mean=probabilities)"`.

    Returns:
        A `keras.Model` with the weights of the classifiers, which are shared unless the defense changes them.

    Raises:
        TfadvError: for an unknown defense or option, and for as many classifiers as it does not take.

    >>> defend(classifier, "noise(sigma=0.1, votes=10)")(images).shape  # doctest: +SKIP
    TensorShape([32, 10])
    """
    given = list(classifiers) if isinstance(classifiers, list | tuple) else [classifiers]
    name = spec.parse(text)[0]
    parameters = inspect.signature(DEFENSES.get(name)).parameters.values()
    wanted = [one.name for one in parameters if one.kind is one.POSITIONAL_OR_KEYWORD]
    several = wanted == ["classifiers"]
    if not several and len(given) != len(wanted):
        expected = "one classifier" if len(wanted) == 1 else "a classifier, then an autoencoder"
        raise invalid(f"the defense {name!r}", expected, len(given), "several classifiers make an ensemble.")
    for model in given if several else given[:1]:
        _gives_logits(model)
    return _built(text, **({"classifiers": given} if several else dict(zip(wanted, given, strict=True))))


def _gives_logits(model):
    """Raises TfadvError for an autoencoder in the place of a classifier, as far as the shapes of a model tell."""
    takes, gives = (getattr(model, name, None) for name in ("input_shape", "output_shape"))
    if isinstance(takes, tuple) and isinstance(gives, tuple) and len(gives) > 2:
        raise remedies.no_logits(takes, gives)


def _built(text, **classifiers):
    try:
        return DEFENSES.build(text, **classifiers)
    except TfadvError:
        raise
    except (TypeError, ValueError) as error:  # Keras' refusals, or a required option that is missing
        raise TfadvError(f"cannot build the defense {text!r}: {reason(error)}") from error


if typing.TYPE_CHECKING:
    from tfadv.defenses.ensembles import ensemble as ensemble
    from tfadv.defenses.latent_codes import encoded as encoded
    from tfadv.defenses.latent_codes import projected as projected
    from tfadv.defenses.low_rank import with_low_rank as with_low_rank
    from tfadv.defenses.mc_dropout import with_dropout as with_dropout
    from tfadv.defenses.prediction_noise import with_noise as with_noise
    from tfadv.defenses.smoothing import smoothed as smoothed
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, DEFENSES)
