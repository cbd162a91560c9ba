"""All measurements of a study, asked for by network and measure, and the tables that they fill. No TensorFlow."""

import numpy as np

from tfadv.evaluation.statistics import student
from tfadv.reports.document import MISSING, Table, number, percent
from tfadv.study.sample import Sample


class Found:
    """What was measured: `found["robust", "clean"]` is a `Sample`, empty where nothing was measured.

    Args:
        networks, measures: those of the experiment, by name.
        stored: (seed, network, measure) -> arrays by name.
        about: (seed, network, measure) -> what is known of the measurement: data, machine, seconds.
    """

    def __init__(self, networks, measures, stored, about=None):
        self.measures, self.stored, self.about = measures, stored, about or {}
        self.seeds = sorted({seed for seed, _, _ in stored})
        measured = {network for _, network, _ in stored}
        self.networks = {name: network for name, network in networks.items() if name in measured and network.title}

    def __getitem__(self, key):
        network, measure, array = key if len(key) == 3 else (*key, "value")
        if measure not in self.measures:
            raise KeyError(f"no measure {measure!r}: there are {', '.join(self.measures)}")
        of = {seed: self.stored.get((seed, network, measure)) for seed in self.seeds}
        return Sample({seed: arrays[array] for seed, arrays in of.items() if arrays is not None})

    def __contains__(self, key):
        return bool(self[key].per_seed)

    def arrays(self, network, measure):
        """All arrays of a measure by name, of the first seed that has them: for pictures. Empty if none has."""
        of = (self.stored.get((seed, network, measure)) for seed in self.seeds)
        return next((arrays for arrays in of if arrays is not None), {})

    def fact(self, name):
        """What is known of the data: `"dataset"`, `"class_names"`, `"source"`; of the first measurement."""
        return next(iter(self.about.values()))[name]

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
            rows: names of networks; None is all.
        """
        named = {name: self.networks[name].title for name in self._rows(rows) if (name, measure) in self}
        return {title: self._curve(name, measure) for name, title in named.items()}

    def _curve(self, name, measure):
        # A curve is kept as accuracies (k,), or image by image (n, k).
        per_seed = [
            np.reshape(curve, (-1, curve.shape[-1])).mean(axis=0) for curve in self[name, measure].per_seed.values()
        ]
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

    def bars(self, *measures):
        """Accuracies and their intervals a network, for `figures.accuracy_bars`."""
        return {
            network.title: {
                self.measures[key].title: (self[name, key].mean, self[name, key].interval)
                for key in measures
                if (name, key) in self
            }
            for name, network in self.networks.items()
        }

    def grid(self, id, title, *, columns, rows=None, published=None, note="", **derived):
        """A table with a row a network and a column a measure, and beneath a row what the document prints, if it does.

        Args:
            columns: names of measures, or of `derived`.
            rows: names of networks; None is all.
            published: network -> {column: number, shown in percent from 0.1 to 1 where the measured one is a share}.
            derived: column -> (title, function from a network's name to its Sample).
        """
        published, filled = published or {}, []
        for name in self._rows(rows):
            cells = [self._cell(name, column, derived) for column in columns]
            label = self.networks[name].title
            filled.append((label, *(["measured"] if published else []), *map(str, cells)))
            if name in published:
                pairs = zip(columns, cells, strict=True)
                filled.append((label, "published", *(_printed(published[name].get(c), cell) for c, cell in pairs)))
        heads = [derived[column][0] if column in derived else self.measures[column].title for column in columns]
        return Table(title, ("Network", *([""] if published else []), *heads), tuple(filled), note, id)

    def by_class(self, id, title, array, *, rows=None, published=None, note=""):
        """A table with a row a class and a column a network, and beside it what the document prints, if it does.

        Args:
            array: (measure, name of an array of one number a class).
            rows: names of networks; None is all.
            published: network -> numbers, one a class.
        """
        names, published, columns = self.fact("class_names"), published or {}, {}
        for name in self._rows(rows):
            columns[self.networks[name].title, ""] = self._class_means(name, array)
            if name in published:
                columns[self.networks[name].title, "published"] = published[name]
        heads = [kind or title for title, kind in columns]
        shown = ([MISSING if np.isnan(value) else f"{value:.4f}" for value in column] for column in columns.values())
        filled = zip((f"label {k + 1}" for k in range(len(names))), names, *shown, strict=True)
        return Table(title, ("Label", "Class", *heads), tuple(filled), note, id)

    def _class_means(self, name, array):
        per_seed = list(self[name, *array].per_seed.values())
        return np.mean(per_seed, axis=0) if per_seed else np.full(len(self.fact("class_names")), np.nan)

    def _rows(self, rows):
        return [name for name in self.networks if rows is None or name in rows]

    def _cell(self, name, column, derived):
        return derived[column][1](name) if column in derived else self[name, column]


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
