"""Every experiment's smoke preset: seconds, embedded data, and all that a report needs."""

import json

import pytest

from tfadv.errors import TfadvError
from tfadv.evaluation import results
from tfadv.experiments import EXPERIMENTS


@pytest.fixture(scope="module", params=list(EXPERIMENTS))
def done(request, tmp_path_factory):
    out = tmp_path_factory.mktemp(request.param)
    events = []
    result = EXPERIMENTS.build(request.param, preset="smoke").run(out, lambda *event: events.append(event))
    return request.param, out, result, events


def test_it_writes_its_report(done):
    name, out, result, _ = done
    assert {"report.html", "report.md", "result.json", "figures", "seeds"} <= {p.name for p in out.iterdir()}
    assert results.load(out).to_json() == result.to_json()
    page = (out / "report.html").read_text()
    for figure in result.figures:
        assert (out / figure["file"]).stat().st_size > 1000
        assert figure["title"] in page or figure["title"].replace("'", "&#39;") in page


def test_claims_say_what_was_published_and_measured(done):
    _, out, _, _ = done
    stored = json.loads((out / "result.json").read_text())
    assert stored["claims"] and stored["tables"]
    for claim in stored["claims"]:
        assert {"id", "statement", "published", "measured", "interval", "holds"} <= claim.keys()
        assert claim["measured"] is not None and claim["holds"] in (True, False, None)
    assert len({claim["id"] for claim in stored["claims"]}) == len(stored["claims"])


def test_tables_are_rectangular(done):
    for table in done[2].tables:
        assert table["rows"] and all(len(row) == len(table["columns"]) for row in table["rows"])


def test_progress_reports_every_part_to_its_end(done):
    last = {what: (number, total) for what, number, total, *_ in done[3]}
    assert len(last) > 3 and all(0 <= number <= total for number, total in last.values())


def test_what_was_measured_is_not_measured_again(done, monkeypatch):
    name, out, result, _ = done
    experiment = EXPERIMENTS.build(name, preset="smoke")
    monkeypatch.setattr(type(experiment), "measure", lambda *a: pytest.fail("measured again"))
    assert experiment.run(out).claims == result.claims


@pytest.mark.parametrize("options", [{"preset": "huge"}, {"seeds": 0}, {"form": "none"}, {"colour": 1}])
def test_refusals(options):
    with pytest.raises(TfadvError):
        EXPERIMENTS.build("deep_defense", **options) if "colour" not in options else EXPERIMENTS.build(
            "deep_defense(colour=1)"
        )
