"""What studies on photographs share: a classifier of ImageNet that others have trained, and what it says of them."""

import dataclasses
import functools
import typing
from pathlib import Path

import numpy as np

from tfadv import runs
from tfadv.data.photographs import NAME
from tfadv.errors import invalid
from tfadv.remedies import size_of
from tfadv.reports.document import percent
from tfadv.study import Experiment, Network, Sample, Scale
from tfadv.study.measures import titled

# Of the networks of keras.applications, where a model leaves its size open.
SIZE = 224
SMOKE = {
    "dataset": "digits",
    "epochs": 3,
    "model": "mlp(hidden=(16,), init=glorot)",
    "train": 400,
    "keep": "last",
    "judged": 6,
}
SURE = 0.5


@dataclasses.dataclass(frozen=True, kw_only=True)
class OnPhotographs(Experiment):
    """A study of a classifier of ImageNet's 1,000 classes before photographs. Their labels are what it says of them.

    Args:
        model: the classifier, as `tfadv.models.pretrained.load` takes it; None is the study's own, of
            `keras.applications`.
        dataset: a folder of photographs of any size; None is those of `tfadv.data.photographs.brought`.

    Raises:
        TfadvError: for a model with the preset smoke, which trains a small network on digits.
    """

    # The network of the document, or what comes nearest.
    usual: typing.ClassVar[str]

    model: str | None = None

    def __post_init__(self):
        super().__post_init__()
        if self.preset == "smoke" and self.model:
            raise invalid("model", "none with the preset smoke, which trains its own", repr(self.model))

    def networks(self):
        """The one network."""
        if self.preset == "smoke":
            return {"network": Network(title="Stand-in, trained on digits")}
        given = str(self.model or self.usual)
        path = Path(given)
        return {"network": Network(title=path.parent.name if path.name == runs.MODEL else path.stem, given=given)}

    def load_data(self, bench):
        """The photographs as the network takes them, with what it says of them as labels."""
        if self.preset == "smoke":
            return super().load_data(bench)
        return seen_by(bench.given("network"), None if self.scale.dataset == NAME else self.scale.dataset)

    def notes(self, found):
        """What was asked, and of what."""
        yield f"The network is {found.networks['network'].title}; the photographs are {found.fact('source')}."

    def of(self, found, key, *array):
        """A measure of the network: a `Sample`."""
        return found["network", key, *array]


def presets(**laptop):
    """The presets of a study on photographs.

    Args:
        laptop: what it has of its own there, e.g. `minutes`, with a network of 400 million multiplications an image.
    """
    return Scale(dataset=NAME, epochs=1).presets(smoke=SMOKE, laptop=laptop)


def seen_by(model, folder=None):
    """Photographs before a classifier of ImageNet: a `tfadv.data.Dataset` whose labels are what it says of them.

    Raises:
        TfadvError: for a model that is none of 1,000 classes, and see `load_photographs`.
    """
    from tfadv import validation
    from tfadv.data.photographs import imagenet_classes, load_photographs
    from tfadv.data.split import Dataset, Split
    from tfadv.evaluation import metrics

    shape = getattr(model, "input_shape", None) or (None,) * 4
    if len(shape) != 4 or shape[3] not in (None, 3):
        hint = "give one with --model, a .keras file or a name of keras.applications."
        raise invalid("the network", "one of ImageNet, for color images", f"one for {size_of(shape[1:])}", hint)
    images, names = load_photographs(folder, shape[1] or SIZE, shape[2] or SIZE)
    x, classes = images.astype(np.float32) / 255, imagenet_classes()
    outputs = validation.classifier(model, x)
    if outputs != len(classes):
        raise invalid("the classifier", f"the {len(classes):,} classes of ImageNet, in their order", f"{outputs:,}")
    source = f"{', '.join(names)}: " + (
        "of scikit-learn and matplotlib" if folder is None else f"of the folder {Path(folder).name}"
    )
    return Dataset(NAME, None, Split(images, metrics.predictions(model, x)), classes, source)


@dataclasses.dataclass(frozen=True)
class Fooled:
    """What the network says of images, and of what an attack makes of them.

    `value` is the probability of the wrong class where the network now says one, else 0; of targeted attacks that of
    the target where it says this. `saved` is the same of the images as 8 bits hold them. `before` and `after` are all
    probabilities, (n, classes), and `moved` the largest change of a pixel. One row an image, or with targets `targets`
    rows, each with a random class as its target.
    """

    attack: str
    threat: str
    targets: int = 0
    images: bool = False
    title: str = titled("")

    def __call__(self, network):
        from tfadv import attacks
        from tfadv import threat as threats
        from tfadv.evaluation import metrics
        from tfadv.evaluation.craft import target_classes

        say = functools.partial(probabilities, network.model)
        x = np.repeat(network.x, max(1, self.targets), axis=0)
        logits = metrics.logits(network.model, x)
        y = logits.argmax(axis=1).astype(np.int32)
        goals = target_classes("random" if self.targets else None, logits, y, network.seed)
        craft, threat = attacks.get(self.attack), threats.parse(self.threat)
        x_adv = craft(network.model, x, y, threat=threat, targets=goals, seed=network.seed)
        after, saved = say(x_adv), say(np.round(255 * x_adv).astype(np.float32) / 255)
        moved = np.abs(x_adv - x).reshape(len(x), -1).max(axis=1)
        found = {"before": metrics.probabilities(logits), "after": after, "y": y, "moved": moved}
        found |= {"value": wrongly(after, y, goals), "saved": wrongly(saved, y, goals)}
        return found | ({"x": x, "x_adv": x_adv} if self.images else {})


@dataclasses.dataclass(frozen=True)
class Ascent:
    """Probabilities along the steps of PGD from the image itself: `right`, (n, steps + 1), of the class before the
    attack, `wrong` of the likeliest other one. `value`: after how many steps another class is the likeliest, (n,), NaN
    where none is.
    """

    threat: str
    steps: int = 10
    title: str = titled("Steps until the class changes")

    def __call__(self, network):
        import tensorflow as tf

        from tfadv import gradients, losses
        from tfadv import threat as threats

        threat, x = threats.parse(self.threat), tf.constant(network.x)
        y = probabilities(network.model, network.x).argmax(axis=1)
        logits_fn, loss = gradients.logits_of(network.model), lambda z: losses.cross_entropy(tf.constant(y), z)

        @tf.function(autograph=False)
        def step(at):
            uphill = threat.steepest(gradients.logits_and_gradient(logits_fn, at, loss)[2])
            return threat.project(at + threat.step_size(self.steps) * uphill, x)

        path = [x]
        for _ in range(self.steps):
            path.append(step(path[-1]))
        said = np.stack([probabilities(network.model, at.numpy()) for at in path], axis=1)
        right = np.take_along_axis(said, y[:, None, None], axis=2)[..., 0]
        wrong = np.where(np.arange(said.shape[2]) == y[:, None, None], 0, said).max(axis=2)
        changed = wrong > right
        first = np.where(changed.any(axis=1), changed.argmax(axis=1), np.nan)
        return {"value": first, "right": right, "wrong": wrong, "at": np.arange(self.steps + 1)}


def probabilities(model, x):
    """What a network says of images, (n, classes)."""
    from tfadv.evaluation import metrics

    return metrics.probabilities(metrics.logits(model, x))


def wrongly(said, y, targets=None):
    """The probability of the likeliest class where it is not y, or where it is the target; else 0: (n,)."""
    top = said.argmax(axis=1)
    return np.where(top != y if targets is None else top == targets, said.max(axis=1), 0.0)


def surely(sample, level=SURE):
    """Where such a probability is above a level: a `Sample` of accuracies."""
    return sample.map(lambda value: value > level)


def largest(*samples):
    """The largest number of several samples of the same seeds: a `Sample` of one number."""
    seeds = samples[0].per_seed
    return Sample({seed: np.array(max(np.max(sample.per_seed[seed]) for sample in samples)) for seed in seeds})


def named(said, names, top=1, between=" "):
    """The likeliest classes and their probabilities, a line each: `espresso 95.1 %`.

    Args:
        said: probabilities of one image, (classes,).
    """
    likeliest = said.argsort()[::-1][:top]
    return "\n".join(f"{short(names[k])}{between}{percent(float(said[k]))}" for k in likeliest)


def short(name):
    """The first of a class' synonyms.

    >>> short("tabby, tabby cat")
    'tabby'
    """
    return name.partition(",")[0]


def counted(sample):
    """A sample of right or wrong as `6 of 7`, of the first seed."""
    array = next(iter(sample.per_seed.values()))
    return f"{int(array.sum())} of {array.size}"
