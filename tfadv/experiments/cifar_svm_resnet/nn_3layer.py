"""Three layers, convolutions and pooling: sections "Neural networks" and "Convolutional neural networks" of Vuong 2020.

The document's y = W3 f2(W2 f1(W1 x)) is 3072-512-256-10 with ReLU here; its ConvNet has two convolutions, each before
a max pooling. Its drawings are made of what was computed: a filter over an image, and a pooling.

Command: `tfadv reproduce nn-3layer`. Expected: both networks are above the SVM, the ConvNet above the other.
"""

import dataclasses

import numpy as np

from tfadv.experiments.cifar_svm_resnet.networks import DOCUMENT, Divided, epochs, scales, svm
from tfadv.experiments.cifar_svm_resnet.sketches import (
    chain,
    filtered,
    neuron,
    neurons,
    pooled_numbers,
    receptive_field,
)
from tfadv.reports import figures
from tfadv.reports.document import Figure
from tfadv.study import Claim, Clean, Experiment, Weights
from tfadv.study.claims import ExactClaim
from tfadv.study.measures import titled

MODELS = {
    "smoke": ("mlp(hidden=(16, 8), init=glorot)", "cnn_maxpool(filters=(2, 4), hidden=8)"),
    "laptop": ("mlp(hidden=(512, 256), init=glorot)", "cnn_maxpool"),
}
CHAIN = ("image", "convolution", "ReLU", "max pooling", "convolution", "ReLU", "max pooling", "dense", "scores")
BLOCK = ("x", "convolution", "ReLU", "convolution", "+", "ReLU")


@dataclasses.dataclass(frozen=True)
class Illustrated:
    """A filter of the first convolution over the first image, and the pooling after it, by the functions here.

    `value` is the largest difference from what the network's layers make of it; `image`, `kernel`, `response` and
    `pooled` are of the filter that responds most.
    """

    title: str = titled("Convolution and pooling")

    def __call__(self, network):
        import keras

        image = network.x[0]
        found = {kind: next(layer for layer in network.model.layers if isinstance(layer, kind))
                 for kind in (keras.layers.Conv2D, keras.layers.MaxPooling2D)}  # fmt: skip
        layer, pool = found.values()
        taps = keras.Model(network.model.input, [layer.output, pool.output])
        kernel, bias = (weight.numpy() for weight in layer.weights)
        expected, expected_pooled = (part[0].numpy() for part in taps(image[None]))
        response = np.stack([np.maximum(convolve(image, kernel[..., k]) + b, 0) for k, b in enumerate(bias)], axis=-1)
        halved, most = max_pool(response), response.sum(axis=(0, 1)).argmax()
        errors = [np.abs(response - expected).max(), np.abs(halved - expected_pooled).max()]
        shown = {"kernel": kernel[..., most], "response": response[..., most], "pooled": halved[..., most]}
        return {"value": np.max(errors), "image": image, **shown}


class NN3Layer(Experiment):
    name, title = "nn_3layer", "Three layers, and a ConvNet"
    document, ids = DOCUMENT, ("nn-3layer", "conv-pool")
    scales = scales(minutes=0.7)
    only = {"illustrated": "convnet"}

    def networks(self):
        models = MODELS.get(self.preset, MODELS["laptop"])
        titles = {"mlp3": "Three dense layers", "convnet": "ConvNet"}
        options = {
            "batch_size": 128,
            "optimizer": "adam(learning_rate=0.001)",
            "schedule": "cosine_decay(to=0.0)",
            "train": {"smoke": 400, "laptop": 10_000}.get(self.preset),
            "share": 10 / epochs(self.preset) if self.preset != "smoke" else 1.0,
        }
        trained = zip(titles.items(), models, strict=True)
        return {
            "svm": svm(self.preset),
            **{name: Divided(title=title, model=model, **options) for (name, title), model in trained},
        }

    def measures(self):
        return {"clean": Clean("Accuracy"), "weights": Weights(), "illustrated": Illustrated()}

    def claims(self, found):
        for name, network in list(found.networks.items())[1:]:
            gain = found[name, "clean"] - found["svm", "clean"]
            says = f"{network.title}: better than the SVM"
            yield Claim(name, says, gain, above=0.0, published="very good at almost every task")
        gain = found["convnet", "clean"] - found["mlp3", "clean"]
        says = "The ConvNet is better than the three dense layers"
        yield Claim("convolution", says, gain, above=0.0, published="CNNs perform the best on this task")
        ratio = found["convnet", "weights"] / found["mlp3", "weights"]
        says = "It has fewer weights (measured: the ratio)"
        yield ExactClaim("weights", says, ratio, below=1.0, published="scales well to full image")
        says = "Convolution and pooling by hand are those of the layers, to 1e-5"
        yield ExactClaim("illustrated", says, found["convnet", "illustrated"], below=1e-5)

    def tables(self, found):
        note = "Trained on a fifth of the images for 10 epochs, where the preset is laptop; the SVM on all of them."
        yield found.grid("table", "Accuracy", columns=["clean", "weights"], note=note)

    def figures(self, found):
        png = figures.accuracy_bars(found.bars("clean"))
        yield Figure("Accuracy", png, "With 95% intervals.", "bars")
        text = "Each input times its weight, their sum, a nonlinearity; below, what a nerve cell has in its place."
        yield Figure("A neuron", neuron(), text, "neuron")
        yield Figure("Three layers", neurons((4, 5, 4, 3)), "Inputs, two hidden layers, scores.", "layers")
        yield Figure("A ConvNet", chain(CHAIN), "Each stage halves height and width.", "convnet")
        text = "A neuron after one convolution of 3 x 3, and after two: the darker, the more often a pixel is seen."
        yield Figure("Receptive fields", receptive_field(), text, "receptive-fields")
        yield Figure("A block of a ResNet", chain(BLOCK, skip=(0, 4)), "relu(x + F(x)).", "block")
        arrays = found.arrays("convnet", "illustrated")
        if arrays:
            text = "The filter of the trained network that responds most; its response after ReLU; the pooling of it."
            yield Figure("A filter over an image", filtered(arrays), text, "filter")
            text = "A part of the response above: of each 2 x 2 the largest is kept."
            yield Figure("Max pooling", pooled_numbers(arrays["response"]), text, "pooling")

    def notes(self, found):
        yield (
            "3,072 is the number of weights of one neuron of a dense layer on a CIFAR-10 image, not of the layer, as "
            "the document has it; and of its three activations f1, f2, f3 the formula has two."
        )


def convolve(image, kernel):
    """What a filter answers at each pixel, zeros outside of the image: (h, w, c) and (a, b, c) to (h, w)."""
    a, b, _ = kernel.shape
    padded = np.pad(image, (((a - 1) // 2, a // 2), ((b - 1) // 2, b // 2), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape)[:, :, 0]
    return np.einsum("hwabc,abc->hw", windows, kernel)


def max_pool(x):
    """The largest of each 2 x 2: (h, w, ...) to (h // 2, w // 2, ...)."""
    h, w = (size // 2 for size in x.shape[:2])
    return x[: 2 * h, : 2 * w].reshape(h, 2, w, 2, *x.shape[2:]).max(axis=(1, 3))
