"""All measurements of a study, asked for by network and measure, and the tables that they fill. No TensorFlow."""

import numpy as np

from tfadv.evaluation.statistics import student
from tfadv.reports.document import MISSING, Table, number, percent
from tfadv.study.sample import Sample, mean_curve


class Found:
    """What was measured: `found["robust", "clean"]` is a `Sample`, empty where nothing was measured.

    Args:
        networks, measures: those of the experiment, by name.
        stored: (seed, network, measure) -> arrays by name.
        about: (seed, network, measure) -> what is known of the measurement: data, machine, seconds.
        derived: a function of this `Found`, see `Experiment.derived`.
        document_data: the data set of the document: on any other, tables show no published numbers. None is any.
    """

    def __init__(self, networks, measures, stored, about=None, *, derived=lambda found: {}, document_data=None):
        self.measures, self.stored, self.about = measures, stored, about or {}
        self.seeds = sorted({seed for seed, _, _ in stored})
        measured = {network for _, network, _ in stored}
        self.networks = {name: network for name, network in networks.items() if name in measured and network.title}
        self.derived, self.document_data = derived(self), document_data

    def __getitem__(self, key):
        network, measure, array = key if len(key) == 3 else (*key, "value")
        if measure in self.derived:
            return self.derived[measure][1](network)
        if measure not in self.measures:
            raise KeyError(f"no measure {measure!r}: there are {', '.join((*self.measures, *self.derived))}")
        of = {seed: self.stored.get((seed, network, measure)) for seed in self.seeds}
        return Sample({seed: arrays[array] for seed, arrays in of.items() if arrays is not None})

    def __contains__(self, key):
        return bool(self[key].per_seed)

    def having(self, *measures):
        """The names of the networks of which all of these are measured."""
        return [name for name in self.networks if all((name, measure) in self for measure in measures)]

    def arrays(self, network, measure):
        """All arrays of a measure by name, of the first seed that has them: for pictures. Empty if none has."""
        of = (self.stored.get((seed, network, measure)) for seed in self.seeds)
        return next((arrays for arrays in of if arrays is not None), {})

    def fact(self, name):
        """What is known of the data: `"dataset"`, `"class_names"`, `"source"`; of the first measurement."""
        return next(iter(self.about.values()))[name]

    @property
    def on_document_data(self):
        """Whether published numbers can be compared with these."""
        return self.document_data in (None, self.fact("dataset"))

    def provenance(self):
        """Where the numbers come from: data, machines, and the seconds that training and measuring took."""
        of = lambda key: list(dict.fromkeys(about[key] for about in self.about.values()))  # noqa: E731
        machines = {
            key: " and ".join(map(str, of(key))) for key in ("tensorflow", "keras", "numpy", "processor", "cores")
        }
        days = sorted(of("date"))
        seconds = dict.fromkeys(self.seeds, 0.0)
        for (seed, *_), about in self.about.items():
            seconds[seed] += about["seconds"]
        return {
            **machines,
            "data_source": ", ".join(of("source")),
            "measured": days[0] if days[0] == days[-1] else f"{days[0]} to {days[-1]}",
            "seconds_per_seed": [round(value, 1) for value in seconds.values()],
        }

    def curves(self, measure, rows=None):
        """A curve a network, the mean over seeds and the band of the interval, for `figures.accuracy_curves`.

        Args:
            rows: names of networks; None is all but those `aside`.
        """
        named = {name: self.networks[name].title for name in self._rows(rows) if (name, measure) in self}
        return {title: self._curve(name, measure) for name, title in named.items()}

    def _curve(self, name, measure):
        per_seed = [mean_curve(curve) for curve in self[name, measure].per_seed.values()]
        drawn = {"eps": self.arrays(name, measure)["at"], "accuracy": np.mean(per_seed, axis=0)}
        if len(per_seed) > 1:
            drawn["low"], drawn["high"] = np.transpose([student(column) for column in np.transpose(per_seed)])
        return drawn

    def at(self, network, measure, place):
        """A curve's value at a place, interpolated: a `Sample` of accuracies; image by image where the curve is.

        Args:
            place: a number, or a `Sample` of one number a seed.
        """
        place = place if isinstance(place, Sample) else Sample(dict.fromkeys(self.seeds, np.asarray(place)))
        return self[network, measure].map(_interpolated, self[network, measure, "at"], place, share=True)

    def right_at(self, network, measure, place):
        """Which images are right at a place that a curve, kept image by image, was measured at: a `Sample` of bool."""
        column = lambda curve, at: curve[:, list(at).index(place)]  # noqa: E731
        return self[network, measure].map(column, self[network, measure, "at"])

    def crossing(self, network, measure, level=0.5, first=False):
        """The place where a curve is nearest to a level, or the `first` where it is at most that: a `Sample`."""

        def place(curve, at):
            accuracy = mean_curve(curve)
            return min(at[accuracy <= level], default=np.nan) if first else at[np.abs(accuracy - level).argmin()]

        return self[network, measure].map(place, self[network, measure, "at"])

    def pictures(self, network, measure, **options):
        """What a measure keeps for figures, drawn by the measure: [(title, PNG)], empty where there is nothing."""
        arrays, names = self.arrays(network, measure), self.fact("class_names")
        return self.measures[measure].pictures(arrays, names, **options) if arrays else []

    def bars(self, *measures):
        """Accuracies and their intervals a network, for `figures.accuracy_bars`."""
        return {
            self.networks[name].title: {
                self._head(key): (self[name, key].mean, self[name, key].interval)
                for key in measures
                if (name, key) in self
            }
            for name in self._rows(None)
        }

    def grid(self, id, title, *, columns, rows=None, published=None, beside=None, note=""):
        """A table with a row a network and a column a measure, and beneath a row what the document prints, if it does.

        Args:
            columns: names of measures, or of derived columns.
            rows: names of networks; None is all but those `aside`.
            published: network -> {column: number, shown in percent where the measured one is a share}.
            beside: title -> {column: share}: further rows of the document, of networks that are not trained here.
        """
        published, beside = (part if part and self.on_document_data else {} for part in (published, beside))
        filled, both = [], bool(published or beside)
        for name in self._rows(rows):
            cells = [self[name, column] for column in columns]
            label = self.networks[name].title
            filled.append((label, *(["measured"] if both else []), *map(str, cells)))
            if name in published:
                pairs = zip(columns, cells, strict=True)
                filled.append((label, "published", *(_printed(published[name].get(c), cell) for c, cell in pairs)))
        for label, values in beside.items():
            filled.append((label, "published", *(percent(values.get(column)) for column in columns)))
        heads = map(self._head, columns)
        return Table(title, ("Network", *([""] if both else []), *heads), tuple(filled), note, id)

    def by_class(self, id, title, array, *, rows=None, published=None, note=""):
        """A table with a row a class and a column a network, and beside it what the document prints, if it does.

        Args:
            array: (measure, name of an array of one number a class).
            rows: names of networks; None is all but those `aside`.
            published: network -> numbers, one a class.
        """
        names, published, columns = self.fact("class_names"), published if self.on_document_data else None, {}
        for name in self._rows(rows):
            columns[self.networks[name].title, ""] = self._class_means(name, array)
            if name in (published or {}):
                columns[self.networks[name].title, "published"] = published[name]
        heads = [kind or title for title, kind in columns]
        shown = ([MISSING if np.isnan(value) else f"{value:.4f}" for value in column] for column in columns.values())
        filled = zip(map(str, range(1, len(names) + 1)), names, *shown, strict=True)
        return Table(title, ("Label", "Class", *heads), tuple(filled), note, id)

    def _class_means(self, name, array):
        per_seed = list(self[name, *array].per_seed.values())
        return np.mean(per_seed, axis=0) if per_seed else np.full(len(self.fact("class_names")), np.nan)

    def _rows(self, rows):
        return [
            name for name, network in self.networks.items() if (not network.aside if rows is None else name in rows)
        ]

    def _head(self, column):
        return self.derived[column][0] if column in self.derived else self.measures[column].title


def _printed(value, measured):
    """A published number in the style of the measured one above it."""
    if value is None:
        return MISSING
    return percent(value) if "%" in str(measured) else number(value)


def _interpolated(curve, at, place):
    """The curve (k,) or (n, k) between the two of its ascending points that `place` lies between: () or (n,)."""
    high = int(np.clip(np.searchsorted(at, place), 1, len(at) - 1))
    weight = np.clip((place - at[high - 1]) / (at[high] - at[high - 1]), 0, 1)
    return (1 - weight) * curve[..., high - 1] + weight * curve[..., high]
