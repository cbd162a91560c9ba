"""One seed of a study at work: trains networks and takes measures. The only file here that imports TensorFlow."""

import dataclasses
import functools
import time
import typing
from pathlib import Path

from tfadv import runs
from tfadv import threat as threats
from tfadv.defenses import defend
from tfadv.evaluation.judge import Judge
from tfadv.evaluation.traits import ModelTraits
from tfadv.models import classifier, pretrained
from tfadv.progress import silent
from tfadv.provenance import fingerprint, provenance
from tfadv.study.recipe import drawn_with
from tfadv.training import run as training

MACHINE = ("tfadv", "tensorflow", "keras", "numpy", "processor", "cores", "date")


class Bench:
    """The networks of one seed, each trained (or read back) when it is first asked for.

    Args:
        experiment: an `Experiment`; seed: one of its seeds.
        store: a `Store`.
        progress: called with what is being done, how much of how much is done, and the seconds left at most.
    """

    def __init__(self, experiment, seed, store, progress):
        self.experiment, self.seed, self.store, self.progress = experiment, seed, store, progress
        self.scale, self.networks = experiment.scale, experiment.networks()
        self._trained, self._given = {}, {}

    @functools.cached_property
    def dataset(self):
        """What is trained on and what is measured on: the test images, or those held out of the training images."""
        data, scale = self.experiment.load_data(self), self.scale
        train, judged = data.train_validation(scale.held_out, self.seed) if scale.held_out else (data.train, data.test)
        return dataclasses.replace(data, train=train, test=judged.spread(scale.judged) if scale.judged else judged)

    def measured(self, name, key):
        """The arrays of a measure of a network, both by name: read back, or measured and kept."""
        digest = self.experiment.digest_of(self.seed, name, key)
        known = self.store.read(self.seed, name, key, digest)
        seen = {"data": self.dataset.test.fingerprint, "weights": self._weights(name)}
        # Measurements of earlier versions do not say which images they are of.
        if known is not None and all(known[1].get(what) in (None, now) for what, now in seen.items()):
            return known[0]
        started, measure = time.perf_counter(), self.experiment.measures()[key]
        what = f"seed {self.seed}, {name}: {measure.title or key}"
        network = dataclasses.replace(
            self.trained(name),
            home=self.store.home(self.seed, name, key),
            needs=getattr(measure, "needs", ()),
            progress=lambda part, *facts: self.progress(f"{what}, {part}", *facts),
        )
        self.progress(what, 0, 1)
        arrays = measure(network)
        facts = {name: value for name, value in provenance().items() if name in MACHINE}
        data = self.dataset
        facts |= {"dataset": data.name, "source": data.source, "class_names": data.class_names}
        facts |= seen | {"seconds": round(time.perf_counter() - started, 1)}
        self.store.write(self.seed, name, key, digest, arrays, **facts)
        self.progress(what, 1, 1)
        return arrays

    def trained(self, name):
        """A network by name: a `TrainedNetwork`."""
        if name not in self._trained:
            recipe = self.networks[name]
            make = self._as_given if recipe.given else self._defended if recipe.of else self._as_trained
            self._trained[name] = make(name)
        return self._trained[name]

    def given(self, name):
        """The model of a network that others have trained."""
        if name not in self._given:
            self._given[name] = pretrained.load(self.networks[name].given)
        return self._given[name]

    def _weights(self, name):
        """A digest of the weights of a network that others have trained; of all others the recipe tells them."""
        return fingerprint(*self.given(name).get_weights()) if self.networks[name].given else None

    def _as_given(self, name):
        return TrainedNetwork(self.given(name), self.dataset, self.seed, [], self)

    def _as_trained(self, name):
        run = self._train(name)
        return TrainedNetwork(run.classifier, self.dataset, self.seed, run.history, self, run.directory)

    def _defended(self, name):
        parts = [self.trained(part) for part in self.networks[name].of]
        model = defend([part.model for part in parts], self.networks[name].defense)
        return TrainedNetwork(model, self.dataset, self.seed, [], self)

    def _train(self, name):
        recipe = self.networks[name]
        settings = recipe.settings(self.scale)
        if recipe.start:
            settings["model"] = str(self.home(recipe.start) / runs.MODEL)
            self.trained(recipe.start)
        count = settings.pop("train", None)
        data = (
            self.dataset if count is None else dataclasses.replace(self.dataset, train=self.dataset.train.take(count))
        )
        tell = lambda what, *facts: self.progress(f"seed {self.seed}, {name}: {what}", *facts)  # noqa: E731
        options = {"out": self.home(name), "seed": drawn_with(self.seed, recipe), "progress": tell}
        return training.ensure(data, **options, **settings)

    def home(self, name):
        """The run directory of a network: `fashion_mnist-mlp-standard-0123456789abcdef`."""
        settings = self.networks[name].settings(self.scale)
        words = (Path(self.scale.dataset).stem, settings.get("model", ""), settings.get("method", "standard"))
        label = "-".join(word.partition("(")[0] for word in words if word)
        return self.store.networks / f"{label}-{self.experiment.digest_of(self.seed, name)}"


@dataclasses.dataclass(frozen=True, eq=False)
class TrainedNetwork:
    """A trained network before its judge: `tfadv.study.measures.Trained`."""

    model: typing.Any
    dataset: typing.Any
    seed: int
    history: list
    bench: Bench
    directory: Path | None = None
    home: Path | None = None
    needs: tuple = ()
    progress: typing.Callable = silent
    # What is known of the model, for all measures: finding out whether it answers at random takes many passes.
    known: dict = dataclasses.field(default_factory=dict)

    @functools.cached_property
    def x(self):
        """The images that are judged, (n, h, w, c)."""
        return self.dataset.test.x

    @property
    def y(self):
        """Their labels, (n,)."""
        return self.dataset.test.y

    def judge(self, threat=None):
        """The model before these images, under a threat model or its spec; None where nothing is attacked."""
        threat = threats.parse(threat) if isinstance(threat, str) else threat
        if "draws" not in self.known:
            self.known["draws"] = ModelTraits.of(self.model, self.x).draws
        return Judge(self.model, self.x, self.y, threat, seed=self.seed, draws=self.known["draws"])

    def first(self, n):
        """The same with the first n images only."""
        return dataclasses.replace(self, dataset=dataclasses.replace(self.dataset, test=self.dataset.test.take(n)))

    def last_epoch(self):
        """The same with the weights of the last epoch, of a network of which the best epoch is kept."""
        return self.changed(model=classifier.load(self.directory / runs.LAST))

    def changed(self, **changes):
        """The same with another model, or after a change of its weights: nothing is known of it yet."""
        return dataclasses.replace(self, known={}, **changes)

    def other(self, network, measure=None):
        """Another network of this seed on the same images, or the arrays that a measure of it found.

        Raises:
            KeyError: unless the measure at work names it in its `needs`, and so is measured anew when it changes.
        """
        need = (network,) if measure is None else (network, measure)
        if need not in self.needs:
            raise KeyError(f"{need} is not among the needs of this measure: {self.needs}")
        if measure is not None:
            return self.bench.measured(network, measure)
        return dataclasses.replace(self.bench.trained(network), dataset=self.dataset)
