"""A cut of the singular values: the smallest ones of every weight matrix are left out, or made smaller.

Cocola, Rabindranath: Making Neural Nets Robust Again, section 2.2, after the compression of networks (Denton, Zaremba,
Bruna, LeCun, Fergus: Exploiting Linear Structure Within Convolutional Networks for Efficient Evaluation, 2014). It
masks no gradient: an attacker who knows of it attacks the cut network.
"""

import keras
import numpy as np

from tfadv.errors import invalid
from tfadv.graph.rebuild import copied
from tfadv.options import number


def with_low_rank(classifier: keras.Model, *, share: float = 0.4, factor: float = 0.0) -> keras.Model:
    """A copy in which W = U diag(s) V^T has the smallest of its min(m, n) singular values multiplied by `factor`.

    Of every kernel, (m, n); of a convolution (height width channels, filters). Biases stay.

    Args:
        classifier: a Sequential or functional model, images to logits. It is left as it is: nothing is shared.
        share: of the singular values that are cut, rounded down; from 0 to 1.
        factor: 0 leaves them out, 0.1 divides them by ten; from 0 to 1.

    Raises:
        TfadvError: for a classifier without weight matrices, and for options out of range.

    >>> with_low_rank(classifier, share=0.4, factor=0.1)  # doctest: +SKIP
    """
    for name, value in (("share", share), ("factor", factor)):
        number(f"low_rank: {name}", value, "a number from 0 to 1", lambda value: 0 <= value <= 1)
    copy = copied(classifier)
    kernels = kernels_of(copy)
    if not kernels:
        raise invalid("low_rank: the classifier", "layers with a weight matrix", f"none in {classifier.name!r}")
    for kernel in kernels:
        kernel.assign(cut(kernel.numpy(), share, factor))
    return keras.Model(copy.inputs[0], copy.outputs[0], name=f"{classifier.name}_low_rank")


def kernels_of(model: keras.Model) -> list[keras.Variable]:
    """The weight matrices of all layers, in nested models too: of convolutions with more than two axes."""
    found = (getattr(layer, "kernel", None) for layer in model._flatten_layers(include_self=False))
    return [kernel for kernel in found if kernel is not None and len(kernel.shape) > 1]


def cut(kernel: np.ndarray, share: float, factor: float = 0.0) -> np.ndarray:
    """The kernel (..., outputs) with this share of its singular values, the smallest, multiplied by a factor.

    >>> cut(np.diag([3.0, 2.0, 1.0, 0.5]), 0.5).diagonal()
    array([3., 2., 0., 0.])
    """
    u, s, v = np.linalg.svd(kernel.reshape(-1, kernel.shape[-1]).astype(np.float64), full_matrices=False)
    kept = len(s) - int(share * len(s) + 1e-9)  # 0.29 * 100 is 28.999...
    s[kept:] *= factor
    return ((u * s) @ v).reshape(kernel.shape)
