"""What the studies of the document share: its data, its classifiers on images, each recipe once.

The document gives neither widths nor learning rates: 128 and Adam's 0.001 here. "1L: 1 linear hidden layer" is read as
d-128-10 without a nonlinearity, "2L" as d-128-128-10, "LRL", a ReLU layer between two linear ones, as d-128-128-128-10.
The other reading counts matrices, the last one included: d-10, d-128-10, and d-128-128-10 with one ReLU.

Of its autoencoders it gives the layers alone: they are trained for 30 epochs on the cross-entropy of the pixels here.
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
SMOKE = {
    "dataset": "digits",
    "epochs": 4,
    "train": 400,
    "judged": 100,
    "batch_size": 50,
    "optimizer": "adam(learning_rate=0.01)",
}
# What the studies with projections have of their own, alike so that they share their networks: 500 steps an image.
DEAR = {"train": 10_000, "judged": 1000}
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


READINGS = {"layers": HEADS, "matrices": {name.removesuffix("_matrix"): head for name, head in MATRICES.items()}}
# The codes of section 3.2.1, and a variational autoencoder that gives the mean in the place of a draw.
CODES = {
    "ae_encoding": ("AE-ENCODING", "codes=encoding"),
    "vae_encoding": ("VAE-ENCODING", "codes=encoding"),
    "vae_mean": ("VAE-ENCODING, mean", "codes=encoding, sample=False"),
    "ae_projection": ("AE-PROJECTION", "codes=projection"),
    "vae_projection": ("VAE-PROJECTION", "codes=projection"),
}


def presets(**laptop):
    """The presets of a study on MNIST.

    Args:
        laptop: what the study has of its own there.
    """
    return MNIST.presets(smoke=SMOKE, laptop={"judged": 2000, **laptop})


def on_images(*names):
    """The document's classifiers on images, by name: `"2l"`, or `"2l_matrix"` in the other reading."""
    known = HEADS | MATRICES
    return {name: Network(title=f"{known[name][0]} on images", model=known[name][1]) for name in names}


def autoencoders(*measures):
    """Both autoencoders, by name, of which these measures are taken."""
    options = {"method": "reconstruction", "batch_size": 128, "share": 0.6, "measures": measures, "aside": True}
    titles = {"ae": "Autoencoder", "vae": "Variational autoencoder"}
    return {name: Network(title=title, model=name, **options) for name, title in titles.items()}


def on_codes(preset, codes, head, reading="layers"):
    """A classifier of codes, which starts from its autoencoder, for 150 epochs.

    Args:
        codes: a name of `CODES`; head: `"1l"`, `"2l"` or `"lrl"`.
    """
    (title, options), (kind, model) = CODES[codes], READINGS[reading][head]
    steps = ", steps=10" if preset == "smoke" and "projection" in codes else ""
    method = f"latent_codes(head={model}, {options}{steps})"
    return Network(title=f"{kind} on {title}", start=codes.partition("_")[0], method=method, share=3.0)
