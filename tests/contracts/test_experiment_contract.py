"""Every experiment: its smoke preset, run once a session, has all that a report needs; digests say what changed.

Without `TFADV_SMOKE=1` only the demo is run.
"""

import dataclasses
import functools
import json
import subprocess
import sys

import pytest

from tfadv import runs
from tfadv.data import DATASETS
from tfadv.evaluation import results
from tfadv.experiments import EXPERIMENTS
from tfadv.study import bench
from tfadv.study.store import Store

NAMES = list(EXPERIMENTS)
RUN = [pytest.param(name, marks=() if name == "demo" else pytest.mark.smoke) for name in NAMES]

PRESENT = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("tensorflow", "keras"):
            raise ImportError(f"{name} was imported")

sys.meta_path.insert(0, Refuse())
from tfadv.experiments import EXPERIMENTS
for name in sys.argv[2:]:
    EXPERIMENTS.build(name, preset="smoke").present(f"{sys.argv[1]}/{name}")
"""


@pytest.fixture(scope="session")
def smoke(tmp_path_factory):
    """A function from a name to (experiment, directory, result, events of progress) of its smoke run, made once."""
    home = tmp_path_factory.mktemp("experiments")

    @functools.cache
    def run(name):
        experiment, events = EXPERIMENTS.build(name, preset="smoke"), []
        return experiment, home / name, experiment.run(home / name, lambda *event: events.append(event)), events

    return run


@pytest.fixture(params=RUN)
def done(request, smoke):
    return smoke(request.param)


def test_it_writes_its_report(done):
    _, out, result, _ = done
    assert {runs.REPORT, "report.md", runs.RESULT, "figures", "measured"} <= {p.name for p in out.iterdir()}
    assert results.load(out).to_json() == result.to_json()
    page = (out / runs.REPORT).read_text()
    for figure in result.figures:
        assert (out / figure["file"]).stat().st_size > 1000
        assert figure["title"] in page or figure["title"].replace("'", "&#39;") in page


def test_every_measurement_is_kept_and_nothing_is_missing(done):
    experiment, out, result, _ = done
    taken = [(name, key) for name in experiment.networks() for key in experiment.taken_of(name)]
    assert taken and all(Store(out).path(0, name, key).is_file() for name, key in taken)
    assert not any("Not measured" in note for note in result.notes)


def test_claims_say_what_was_measured_and_that_one_seed_is_one_seed(done):
    claims = json.loads((done[1] / runs.RESULT).read_text())["claims"]
    assert claims and len({claim["id"] for claim in claims}) == len(claims)
    for claim in claims:
        assert claim["measured"] is not None and claim["holds"] in (True, False, None)
        assert "One seed" in claim["note"]


def test_tables_are_rectangular(done):
    assert done[2].tables
    for table in done[2].tables:
        assert table["rows"] and all(len(row) == len(table["columns"]) for row in table["rows"])


def test_progress_reports_every_part_to_its_end(done):
    last = {what: (number, total) for what, number, total, *_ in done[3]}
    assert len(last) > 3 and all(0 <= number <= total for number, total in last.values())


def test_what_was_measured_is_not_measured_again(done, monkeypatch):
    experiment, out, result, _ = done
    monkeypatch.setattr(bench.Bench, "trained", lambda *_: pytest.fail("trained again"))
    assert experiment.run(out).claims == result.claims


@pytest.mark.smoke
def test_reports_are_drawn_again_without_tensorflow(smoke):
    made = [smoke(name) for name in NAMES]
    for _, out, _, _ in made:
        (out / runs.REPORT).unlink()
    subprocess.run([sys.executable, "-c", PRESENT, made[0][1].parent, *NAMES], check=True, timeout=120)
    for _, out, result, _ in made:
        assert (out / runs.REPORT).is_file() and results.load(out).tables == result.tables


@pytest.mark.parametrize("name", NAMES)
def test_networks_begin_with_others_that_are_there(name):
    networks = EXPERIMENTS.build(name).networks()
    for network in networks.values():
        seen = []
        while network.start:
            assert network.start in networks and network.start not in seen
            seen.append(network.start)
            network = networks[network.start]


@pytest.mark.parametrize("name", NAMES)
def test_a_changed_constant_changes_the_digests_of_what_depends_on_it(name, monkeypatch):
    experiment = EXPERIMENTS.build(name, preset="smoke")
    networks, measures = experiment.networks(), experiment.measures()
    keys = [(network, *key) for network in networks for key in [(), *((key,) for key in measures)]]
    before, changed = {key: experiment.digest_of(0, *key) for key in keys}, next(iter(networks))

    def depends(network, measure=None):
        needs = getattr(measures[measure], "needs", ()) if measure else ()
        above = [(part,) for part in (networks[network].start, *networks[network].of) if part]
        return network == changed or any(depends(*need) for need in (*needs, *above))

    other = {**networks, changed: dataclasses.replace(networks[changed], batch_size=7)}
    monkeypatch.setattr(type(experiment), "networks", lambda self: other)
    different = {key for key in keys if before[key] != experiment.digest_of(0, *key)}
    assert different == {key for key in keys if depends(*key)} and different


@pytest.mark.parametrize("name", NAMES)
def test_every_preset_says_on_what_it_runs(name):
    experiment = EXPERIMENTS.build(name)
    assert {"smoke", "laptop", "paper"} <= experiment.scales.keys() and experiment.name == name and experiment.title
    assert experiment.scales["smoke"].dataset in {"digits", *DATASETS.unlisted}  # nothing to download
    for preset in experiment.scales:
        assert EXPERIMENTS.build(name, preset=preset).networks()
