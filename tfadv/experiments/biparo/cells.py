"""Networks of random cells, a small search space after Guo et al.: When NAS Meets Robustness, 2020."""

import keras
from keras import layers

from tfadv.errors import invalid
from tfadv.experiments.biparo.edges import CONVOLUTION, EDGES, IDENTITY, NODES, NONE
from tfadv.models.parts import PIXELS


def cell_net(
    image_shape: tuple[int, int, int],
    classes: int,
    *,
    edges: str = "222222",
    width: int = 16,
    stride: int = 1,
    seed: int = 0,
) -> keras.Model:
    """conv3, three times the same cell with a pooling between, the mean over the image, logits.

    A cell has four nodes; each but the first is the sum of what its edges bring from the nodes before it, and the
    cell's output a 1x1 convolution of all of its nodes.

    Args:
        edges: six digits, for the edges 0-1, 0-2, 1-2, 0-3, 1-3, 2-3: 0 is none, 1 the identity, 2 a separable
            convolution.
        width: channels.
        stride: of the first convolution; with 2 the cells cost a quarter.

    Raises:
        TfadvError: for other edges.

    >>> cell_net((32, 32, 3), 10, edges="120012").name
    'cell_net'
    """
    if not isinstance(edges, str) or len(edges) != EDGES or set(edges) - {NONE, IDENTITY, CONVOLUTION}:
        raise invalid("cell_net: edges", f"{EDGES} digits of 0, 1 and 2", repr(edges))
    seeds = iter(range(1000 * seed, 1000 * seed + 1000))
    mean, deviation = PIXELS
    inputs = keras.Input(image_shape)
    x = layers.Rescaling(1 / deviation, -mean / deviation)(inputs)
    x = _normalized(conv(width, 3, seeds, stride)(x))
    for number in range(3):
        x = layers.MaxPooling2D()(x) if number else x
        x = _cell(x, edges, width, seeds)
    x = layers.GlobalAveragePooling2D()(x)
    init = keras.initializers.GlorotUniform(next(seeds))
    logits = layers.Dense(classes, dtype="float32", name="logits", kernel_initializer=init)(x)
    return keras.Model(inputs, logits, name="cell_net")


def _cell(x, edges, width, seeds):
    nodes, kinds = [x], iter(edges)
    for number in range(1, NODES):
        brought = [_edge(nodes[k], kind, width, seeds) for k, kind in zip(range(number), kinds, strict=False)]
        brought = [part for part in brought if part is not None]
        nodes.append(layers.Add()(brought) if len(brought) > 1 else next(iter(brought), None))
    nodes = [node for node in nodes if node is not None]
    return _normalized(conv(width, 1, seeds)(layers.Concatenate()(nodes) if len(nodes) > 1 else nodes[0]))


def _edge(x, kind, width, seeds):
    if x is None or kind == NONE:
        return None
    if kind == IDENTITY:
        return x
    return _normalized(separable(width, seeds)(x))


def separable(width, seeds):
    """A separable 3x3 convolution; each part begins with a seed of its own."""
    inits = {f"{part}_initializer": keras.initializers.HeNormal(next(seeds)) for part in ("depthwise", "pointwise")}
    return layers.SeparableConv2D(width, 3, padding="same", use_bias=False, **inits)


def conv(width, size, seeds, stride=1):
    """A convolution without a bias."""
    init = keras.initializers.HeNormal(next(seeds))
    return layers.Conv2D(width, size, stride, padding="same", use_bias=False, kernel_initializer=init)


def _normalized(x):
    return layers.ReLU()(layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x))
