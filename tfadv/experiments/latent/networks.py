"""What the studies of the document share: its data, its classifiers on images, each recipe once.

The document gives neither widths nor learning rates: 128 and Adam's 0.001 here. "1L: 1 linear hidden layer" is read as
d-128-10 without a nonlinearity, "2L" as d-128-128-10, "LRL", a ReLU layer between two linear ones, as d-128-128-128-10.
The other reading counts matrices, the last one included: d-10, d-128-10, and d-128-128-10 with one ReLU.
"""

from tfadv.study import Network, Scale

DOCUMENT = "Cocola, Rabindranath, Making Neural Nets Robust Again"
# Section 3.3. Images need 50 epochs, codes have 150.
MNIST = Scale(
    dataset="mnist",
    epochs=50,
    model="linear",
    batch_size=1000,
    optimizer="adam(learning_rate=0.001)",
    keep="last",
)
SMOKE = {"dataset": "digits", "epochs": 4, "train": 400, "judged": 100, "batch_size": 50}
HEADS = {
    "1l": ("1L", "mlp(hidden=128, activation=linear, init=glorot)"),
    "2l": ("2L", "mlp(hidden=(128, 128), activation=linear, init=glorot)"),
    "lrl": ("LRL", "mlp(hidden=(128, 128, 128), activation=(linear, relu, linear), init=glorot)"),
}
MATRICES = {
    "1l_matrix": ("1L, one matrix", "linear"),
    "2l_matrix": ("2L, two matrices", "mlp(hidden=128, activation=linear, init=glorot)"),
    "lrl_matrix": ("LRL, two linear, one ReLU", "mlp(hidden=(128, 128), activation=(relu, linear), init=glorot)"),
}


def document(smoke=None, **laptop):
    """The presets of a study on MNIST.

    Args:
        smoke, laptop: what the study has of its own there.
    """
    return MNIST.presets(smoke={**SMOKE, **(smoke or {})}, laptop={"judged": 2000, **laptop})


def on_images(*names):
    """The document's classifiers on images, by name: `"2l"`, or `"2l_matrix"` in the other reading."""
    known = HEADS | MATRICES
    return {name: Network(title=f"{known[name][0]} on images", model=known[name][1]) for name in names}
