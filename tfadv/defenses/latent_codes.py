"""A classifier behind an autoencoder: of the code that its encoder makes of the image, or of the image decoded again.

Cocola, Rabindranath: Making Neural Nets Robust Again, for classifiers of codes; of decoded images: Ilyas et al.: The
Robust Manifold Defense, 2017; Samangouei, Kabkab, Chellappa: Defense-GAN, 2018.
"""

import keras

from tfadv.models import autoencoders


def encoded(classifier: keras.Model, autoencoder: keras.Model, *, sample: bool = True) -> keras.Model:
    """The classifier of E(x), or of D(E(x)): of codes if it takes such, (n, d), else of images.

    Args:
        classifier: codes or images to logits.
        autoencoder: of the models `encoder` and `decoder`, as `tfadv train --model vae --method reconstruction` trains.
        sample: whether a variational encoder draws its codes, which makes the classifier random, or gives their means.

    Raises:
        TfadvError: for another autoencoder, and a classifier that takes neither.

    >>> encoded(classifier, vae, sample=False)  # doctest: +SKIP
    """
    codes = autoencoders.encoding(autoencoder, sample=sample)
    return autoencoders.behind(codes, autoencoder, classifier, f"{classifier.name}_encoded")


def projected(
    classifier: keras.Model,
    autoencoder: keras.Model,
    *,
    p: int = 2,
    steps: int = 500,
    step_size: float = 0.1,
    seed: int = 0,
) -> keras.Model:
    """The classifier of the code z whose image D(z) is nearest to x, or of D(z) itself; z by optimization.

    It brings the gradient that an attacker follows: that of a last Gauss-Newton step (`tfadv.layers.RangeProjection`).

    Args:
        classifier, autoencoder: as `encoded` takes them.
        p: nearest in l_1 or l_2.
        steps: of Adam; each costs a pass through the decoder and back, in every prediction. A whole evaluation predicts
            thousands of times: `steps=50` takes a tenth of these passes, and projects less exactly.
        step_size: the rate at which Adam begins.
        seed: of the start.

    Raises:
        TfadvError: for another autoencoder, a classifier that takes neither, and options out of range.

    >>> projected(classifier, vae, steps=100)  # doctest: +SKIP
    """
    codes = autoencoders.projection(autoencoder, p=p, steps=steps, step_size=step_size, seed=seed)
    return autoencoders.behind(codes, autoencoder, classifier, f"{classifier.name}_projected")
