"""What every experiment is: networks, measures, and what they are said to show."""

import abc
import dataclasses
import typing
from pathlib import Path

from tfadv.errors import TfadvError, invalid, writable_directory
from tfadv.evaluation import results
from tfadv.evaluation.results import ExperimentResult
from tfadv.progress import silent
from tfadv.provenance import provenance
from tfadv.reports.experiments import write_experiment
from tfadv.study.drawn import drawn
from tfadv.study.found import Found
from tfadv.study.recipe import Scale, drawn_with
from tfadv.study.store import Store, digest
from tfadv.training.settings import Settings

TABLE = ("id", "title", "columns", "rows", "note")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Experiment(abc.ABC):
    """An experiment of the literature. Subclasses say `scales`, `networks` and `measures`, and what to make of them:
    `claims`, `tables`, `figures` and `notes`. Options of their own are fields; those of type `Literal` are checked.

    Measures are taken seed by seed and network by network, each kept as soon as it is there. What is made of them are
    functions of what was found; they need no TensorFlow.

    Args:
        preset: `"smoke"` (seconds, embedded data), `"laptop"` (minutes on two cores) or `"paper"` (published scale).
        seeds: how many seeds to run; with more than one, intervals are over seeds.
        seed: the first seed.
        dataset: a data set's name; None is the experiment's own.
        data_dir: where TFDS' data are.
        precision, devices: what trains the networks, as `tfadv.training.Settings` says: `"bfloat16"`, several devices.
            None is what each recipe says. Networks trained otherwise are other networks.

    Raises:
        TfadvError: for a preset that the experiment does not have, and for seeds that are no whole numbers.
    """

    # What the command line calls it, with underscores.
    name: typing.ClassVar[str]
    title: typing.ClassVar[str]
    # The publication: authors and year.
    document: typing.ClassVar[str] = ""
    # The sections of the specification that it covers.
    ids: typing.ClassVar[tuple[str, ...]] = ()
    scales: typing.ClassVar[dict[str, Scale]]
    # The measures that are taken of one network only, or of a few, and of which.
    only: typing.ClassVar[dict[str, str | tuple[str, ...]]] = {}

    preset: str = "laptop"
    seeds: int = 1
    seed: int = 0
    dataset: str | None = None
    data_dir: str | None = None
    precision: str | None = None
    devices: int | str | None = None

    def __post_init__(self):
        if self.preset not in self.scales:
            raise invalid("preset", ", ".join(self.scales), repr(self.preset))
        for field in dataclasses.fields(self):
            choices = typing.get_args(field.type) if typing.get_origin(field.type) is typing.Literal else ()
            if choices and getattr(self, field.name) not in choices:
                raise invalid(field.name, " or ".join(choices), repr(getattr(self, field.name)))
        for name, least in (("seeds", 1), ("seed", 0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise invalid(name, f"a whole number of at least {least}", repr(value))

    @property
    def scale(self):
        """The preset's `Scale`, with the data set, precision and devices that were asked for."""
        asked = {name: getattr(self, name) for name in ("dataset", "precision", "devices")}
        # The defaults, said aloud, are the same networks.
        usual = {"precision": (None, Settings.precision), "devices": (None, Settings.devices)}
        given = {name: value for name, value in asked.items() if value not in usual.get(name, (None,))}
        return self.scales[self.preset].but(**given)

    @abc.abstractmethod
    def networks(self):
        """name -> `Network`."""

    @abc.abstractmethod
    def measures(self):
        """name -> measure, in the order in which they are taken."""

    def applies(self, network, measure):
        """Whether this measure is taken of this network, both by name: of all with a title, if nothing else is said."""
        if measure in self.only:
            named = self.only[measure]
            return network in ((named,) if isinstance(named, str) else named)
        recipe = self.networks()[network]
        return bool(recipe.title) and (recipe.measures is None or measure in recipe.measures)

    def load_data(self, bench):
        """What is trained and judged on, a `tfadv.data.Dataset`, for a `Bench`."""
        from tfadv.data import datasets

        return datasets.load(self.scale.dataset, self.data_dir)

    def derived(self, found):
        """What follows from measures, for tables and claims: column -> (title, function of a network's name).

        The function returns a `Sample`: `{"gain": ("gain", lambda name: found[name, "pgd"] - found["plain", "pgd"])}`;
        then `found["robust", "gain"]` is one, as for a measure.
        """
        return {}

    def claims(self, found):
        """`Claim`s about a `Found`; those of which nothing was measured are left out."""
        return ()

    def tables(self, found):
        """`tfadv.reports.document.Table`s."""
        return (found.grid("table", self.title, columns=list(self.measures())),)

    def figures(self, found):
        """`tfadv.reports.document.Figure`s; bars and curves of what was measured, unless overridden."""
        return drawn(found)

    def notes(self, found):
        """Paragraphs that a reader needs before the tables."""
        return ()

    def run(self, out, progress=silent, only=(), networks=None):
        """Measure what is not measured yet, then write the report.

        Args:
            out: directory of `report.html`, `report.md`, `figures/`, `result.json` and the measurements.
            progress: called with what is being done, how much of how much is done, and the seconds left at most.
            only: names of networks: the others are left out, unless these begin with them or are compared with them.
            networks: where the trained networks are kept, which all experiments share; None is beside `out`.

        Returns:
            An `ExperimentResult`.

        Raises:
            TfadvError: if the data are missing, a network is not known, or `out` cannot be written.
        """
        unknown = [name for name in only if name not in self.networks()]
        if unknown:
            raise invalid("networks", f"some of {', '.join(self.networks())}", ", ".join(unknown))
        store = Store(writable_directory(out), networks)
        from tfadv.study.bench import Bench  # here, for it imports TensorFlow

        for seed in self.all_seeds():
            bench = Bench(self, seed, store, progress)
            for name in only or self.networks():
                for key in self.taken_of(name):
                    bench.measured(name, key)
        return self.present(out)

    def present(self, out):
        """Write the report of what is measured, on any day after and without TensorFlow.

        Returns:
            An `ExperimentResult`.

        Raises:
            TfadvError: if nothing is.
        """
        found = self.found(Store(out))
        if not found.seeds:
            raise TfadvError(
                f"nothing of {self.name} with these options is measured in {str(out)!r}: "
                f"run `tfadv reproduce {self.name.replace('_', '-')} --out {out}` first."
            )
        figures = list(self.figures(found))
        about = {"document": self.document, "options": dataclasses.asdict(self), "seeds": found.seeds}
        result = ExperimentResult(
            name=self.name,
            title=self.title,
            claims=[claim.to_json() for claim in self.claims(found) if claim.measured.per_seed],
            tables=[{key: getattr(table, key) for key in TABLE} for table in self.tables(found)],
            notes=[*self.notes(found), *self.elsewhere(found), *self.missing(found)],
            provenance=provenance(**about, **found.provenance()),
        )
        write_experiment(result, figures, Path(out))
        return results.load(out)

    def all_seeds(self):
        """From the first to the last."""
        return range(self.seed, self.seed + self.seeds)

    def taken_of(self, network):
        """The names of the measures that are taken of a network."""
        return [key for key in self.measures() if self.applies(network, key)]

    def digest_of(self, seed, network, measure=None):
        """What a network, or a measure of it, is kept under: a digest of all that it depends on."""
        recipe, scale = self.networks()[network], self.scale
        if recipe.given:
            trained = digest(recipe.given, scale.dataset)
        elif recipe.of:
            trained = digest(recipe.defense, [self.digest_of(seed, part) for part in recipe.of])
        else:
            parent = self.digest_of(seed, recipe.start) if recipe.start else None
            facts = (recipe.settings(scale), parent, scale.dataset, scale.held_out, drawn_with(seed, recipe))
            trained = digest(*facts)
        if measure is None:
            return trained
        value = self.measures()[measure]
        needs = [self.digest_of(seed, *need) for need in getattr(value, "needs", ())]
        return digest(trained, repr(value), scale.judged, needs)

    def found(self, store):
        """All that is kept and was measured with these options: a `Found`."""
        stored, about = {}, {}
        for seed in self.all_seeds():
            for name in self.networks():
                for key in self.taken_of(name):
                    known = store.read(seed, name, key, self.digest_of(seed, name, key))
                    if known is not None:
                        stored[seed, name, key], about[seed, name, key] = known
        return self.found_of(stored, about)

    def found_of(self, stored, about):
        """A `Found` of this experiment, given (seed, network, measure) -> arrays, and facts."""
        data = self.scales["paper"].dataset if "paper" in self.scales else None
        return Found(self.networks(), self.measures(), stored, about, derived=self.derived, document_data=data)

    def elsewhere(self, found):
        """A note on what cannot be compared, where the data are not those of the document."""
        if not found.on_document_data:
            data = f"{found.document_data}, not for {found.fact('dataset')}"
            yield f"Published values are for {data}: tables leave them out, and claims only compare networks."

    def missing(self, found):
        """A note on what is not measured yet, if anything is."""
        names = [
            f"{name} (seed {seed})"
            for seed in self.all_seeds()
            for name in self.networks()
            if any((seed, name, key) not in found.stored for key in self.taken_of(name))
        ]
        if names:
            yield f"Not measured, or not completely: {', '.join(names)}. The same command without --only does it."
