"""What is measured when: on a study of made-up networks whose trainings and measures are counted."""

import dataclasses
import shutil
import types
import typing

import numpy as np
import pytest

from tfadv.data import datasets
from tfadv.errors import TfadvError
from tfadv.evaluation import results
from tfadv.study import Claim, Experiment, Network, Scale, bench
from tfadv.study.store import Store

taken = []
trained = []


@dataclasses.dataclass(frozen=True)
class Count:
    """Counts that it was taken, and is right about as many images as its option says."""

    right: int = 50
    of: str | None = None
    title: str = dataclasses.field(default="Right", repr=False)

    @property
    def needs(self):
        return ((self.of,), (self.of, "first")) if self.of else ()

    def __call__(self, network):
        if self.of:
            network.other(self.of, "first")
        taken.append((network.home.parent.name, self.right))
        return {"value": np.arange(100) < self.right}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Small(Experiment):
    """Three networks in a row, three measures."""

    name: typing.ClassVar[str] = "small"
    title: typing.ClassVar[str] = "Small"
    scales: typing.ClassVar[dict] = {"smoke": Scale(dataset="digits", epochs=2, model="mlp", keep="last", judged=100)}

    preset: str = "smoke"
    rate: float = 0.1
    right: int = 40
    head: str = "Second"
    more: typing.ClassVar[dict] = {}

    def networks(self):
        return self.more | {
            "plain": Network(title="Plain", optimizer="sgd"),
            "tuned": Network(title="Tuned", start="plain", optimizer=f"sgd(learning_rate={self.rate})", share=0.5),
            "child": Network(title="Child", start="tuned"),
            "hidden": Network(title="", optimizer="adam"),
        }

    def measures(self):
        return {"first": Count(), "second": Count(self.right, title=self.head), "third": Count(60, of="tuned")}

    def claims(self, found):
        gain = found["tuned", "second"] - found["plain", "second"]
        yield Claim(id="gain", says="Tuning helps", measured=gain, above=0.0)
        yield Claim(id="of-nobody", says="...", measured=found["nobody", "second"], above=0.0)


@pytest.fixture(autouse=True)
def made_up(monkeypatch):
    """Trainings that are over at once; `taken` and `trained` say what was done."""
    taken.clear()
    trained.clear()

    def ensure(dataset, *, out, progress, **settings):
        if not out.is_dir():
            trained.append((out.name, len(dataset.train), settings))
            out.mkdir(parents=True)
        return types.SimpleNamespace(classifier=out.name, history=[], directory=out)

    monkeypatch.setattr(bench.training, "ensure", ensure, raising=False)


def what():
    """(network, option) of what was measured since the last look."""
    seen = list(taken)
    taken.clear()
    return seen


ALL = [(network, right) for network in ("plain", "tuned", "child") for right in (50, 40, 60)]


def test_every_measure_is_taken_once_and_then_kept(tmp_path):
    result = Small().run(tmp_path / "out")
    # `third` of plain asks for `first` of tuned, which is then measured already.
    assert sorted(what()) == sorted(ALL) and len(trained) == 3
    assert Small().run(tmp_path / "out").to_json()["tables"] == result.tables
    assert what() == [] and len(trained) == 3
    assert results.load(tmp_path / "out").title == "Small"


def test_networks_begin_with_their_parents_and_get_their_share_of_the_epochs(tmp_path):
    Small().run(tmp_path / "out")
    (plain, _, first), (tuned, _, second), (_, _, third) = trained
    assert plain.startswith("digits-mlp-standard-") and (first["epochs"], second["epochs"], third["epochs"]) == (
        2,
        1,
        2,
    )
    assert first["model"] == "mlp" and second["model"] == str(tmp_path / "networks" / plain / "model.keras")
    assert third["model"].endswith(f"{tuned}/model.keras") and third["validation"] == 0.0 and third["seed"] == 0


def test_defended_networks_are_made_of_trained_ones(tmp_path, monkeypatch):
    defended = Network(title="Defended", of=("plain", "drawn"), defense="ensemble")
    more = {"drawn": Network(title="", optimizer="sgd", draw=1), "defended": defended}
    monkeypatch.setattr(Small, "more", more)
    made = []
    monkeypatch.setattr(bench, "defend", lambda models, text: made.append((models, text)) or text)
    Small().run(tmp_path / "out", only=["defended"])
    [(models, text)] = made
    # `third` asks for another network, `tuned`.
    assert text == "ensemble" and len(set(models)) == 2 and len(trained) == 3
    before = Small().digest_of(0, "defended")
    monkeypatch.setattr(
        Small, "more", more | {"defended": dataclasses.replace(defended, defense="ensemble(mean=logits)")}
    )
    assert Small().digest_of(0, "defended") != before
    monkeypatch.setattr(Small, "more", more | {"drawn": dataclasses.replace(more["drawn"], draw=2)})
    assert Small().digest_of(0, "defended") != before


def test_a_defense_is_put_around_something():
    with pytest.raises(TfadvError, match="both of `of` and `defense`"):
        Network(title="a", defense="noise(sigma=0.1)")


def test_images_are_held_out_where_the_recipe_says_so():
    settings = lambda **options: Network(title="a", **options).settings(Scale(dataset="digits", epochs=2))  # noqa: E731
    assert settings(keep="last")["validation"] == 0.0 and "validation" not in settings(keep="best")
    assert settings(keep="last", validation=0.2)["validation"] == 0.2


def test_measures_of_some_networks_only(monkeypatch):
    monkeypatch.setattr(Small, "only", {"second": ("tuned",), "third": "hidden"})
    monkeypatch.setattr(Small, "more", {"step": Network(title="Step", measures=("first", "second"))})
    taken_of = {name: Small().taken_of(name) for name in Small().networks()}
    both, first = ["first", "second"], ["first"]
    assert taken_of == {"step": first, "plain": first, "tuned": both, "child": first, "hidden": ["third"]}


def test_presets_differ_from_the_paper_s_as_they_say():
    paper = Scale(dataset="cifar10", epochs=50)
    scales = paper.presets(smoke={"dataset": "digits", "epochs": 2}, laptop={"minutes": 7.0})
    assert list(scales) == ["smoke", "laptop", "paper"] and scales["paper"] == paper
    assert scales["smoke"] == Scale(dataset="digits", epochs=2) and scales["laptop"] == paper.but(minutes=7.0)
    assert paper.presets(smoke={})["laptop"] == paper


def test_an_interruption_loses_one_measure(tmp_path, monkeypatch):
    original = Count.__call__

    def interrupted(self, network):
        if len(taken) == 4:
            raise KeyboardInterrupt
        return original(self, network)

    monkeypatch.setattr(Count, "__call__", interrupted)
    with pytest.raises(KeyboardInterrupt):
        Small().run(tmp_path / "out")
    before = what()
    monkeypatch.setattr(Count, "__call__", original)
    Small().run(tmp_path / "out")
    assert sorted(before + what()) == sorted(ALL) and len(before) == 4


@pytest.mark.parametrize(
    ("change", "networks", "again"),
    [
        # tuned and its child are trained anew; `third` compares every network with tuned.
        ({"rate": 0.2}, 2, [*ALL[3:], ("plain", 60)]),
        ({"right": 41}, 0, [("plain", 41), ("tuned", 41), ("child", 41)]),
        ({"head": "Another title"}, 0, []),
        ({"data_dir": "elsewhere"}, 0, []),
    ],
)
def test_a_changed_constant_measures_anew_what_depends_on_it(tmp_path, change, networks, again):
    Small().run(tmp_path / "out")
    what()
    trained.clear()
    Small(**change).run(tmp_path / "out")
    assert sorted(what()) == sorted(again) and len(trained) == networks


def test_other_images_are_measured_anew(tmp_path, monkeypatch):
    digits = datasets.load("digits")
    Small().run(tmp_path / "out")
    what()
    turned = dataclasses.replace(digits.test, images=digits.test.images[:, ::-1])
    monkeypatch.setattr(datasets, "load", lambda *_: dataclasses.replace(digits, test=turned))
    Small().run(tmp_path / "out")
    assert sorted(what()) == sorted(ALL)
    Small().run(tmp_path / "out")
    assert what() == []


@pytest.mark.parametrize("change", [{"precision": "bfloat16"}, {"devices": 2}])
def test_another_precision_and_several_devices_are_handed_on_and_make_other_networks(change):
    usual, other = Small(), Small(**change)
    assert other.networks()["plain"].settings(other.scale).items() >= change.items()
    assert not {*usual.networks()["plain"].settings(usual.scale)} & {*change}
    assert other.digest_of(0, "plain") != usual.digest_of(0, "plain")
    assert Small(precision="float32", devices="auto").digest_of(0, "plain") == usual.digest_of(0, "plain")


def test_networks_of_one_recipe_are_trained_once_for_all_experiments(tmp_path):
    Small().run(tmp_path / "one")
    what()
    other = dataclasses.make_dataclass("Other", [], bases=(Small,), frozen=True, kw_only=True)
    other(right=45).run(tmp_path / "two")
    assert len(trained) == 3 and len(what()) == 9
    Small().run(tmp_path / "three", networks=tmp_path / "elsewhere")
    assert len(trained) == 6


def test_only_some_networks_on_one_machine_and_the_rest_on_another(tmp_path):
    result = Small().run(tmp_path / "a" / "out", only=["child"])
    # What it is compared with is measured too.
    assert what() == [("child", 50), ("child", 40), ("tuned", 50), ("child", 60)]
    assert "Not measured, or not completely: plain (seed 0), tuned (seed 0)." in result.notes[0] and not result.claims
    Small().run(tmp_path / "b" / "out", only=["plain", "tuned"])
    shutil.copytree(tmp_path / "a", tmp_path / "b", dirs_exist_ok=True)
    what()
    result = Small().run(tmp_path / "b" / "out")
    assert what() == [] and not result.notes and [claim["id"] for claim in result.claims] == ["gain"]
    with pytest.raises(TfadvError, match="some of plain, tuned, child"):
        Small().run(tmp_path / "out", only=["palin"])


def test_seeds_are_measured_apart_and_added_later(tmp_path):
    Small().run(tmp_path / "out")
    what()
    result = Small(seeds=2).run(tmp_path / "out")
    assert len(what()) == 9 and result.claims[0]["interval"] == [0.0, 0.0] and result.claims[0]["note"] == ""
    assert result.provenance["seeds"] == [0, 1] and len(result.provenance["seconds_per_seed"]) == 2


def test_what_was_measured_is_presented_again(tmp_path):
    result = Small().run(tmp_path / "out")
    (tmp_path / "out" / "report.html").unlink()
    assert Small().present(tmp_path / "out").tables == result.tables
    assert (tmp_path / "out" / "report.html").is_file() and len(what()) == 9
    with pytest.raises(TfadvError, match="tfadv reproduce small --out"):
        Small().present(tmp_path / "nothing")


def test_a_measure_asks_only_for_what_it_says_it_needs(tmp_path, monkeypatch):
    monkeypatch.setattr(Count, "needs", ())
    with pytest.raises(KeyError, match="not among the needs"):
        Small().run(tmp_path / "out")


def test_progress_tells_every_part_to_its_end(tmp_path):
    events = []
    Small().run(tmp_path / "out", lambda *event: events.append(event))
    assert {done for _, done, _ in events} == {0, 1}
    assert sum(done == total for _, done, total in events) == 9


def test_held_out_images_are_judged_instead_of_test_images():
    scale = Small.scales["smoke"].but(held_out=0.25, judged=None)
    experiment = type("Held", (Small,), {"scales": {"smoke": scale}})()
    images = bench.Bench(experiment, 3, Store("out"), None).dataset
    data = datasets.load("digits")
    train, held_out = data.train_validation(0.25, 3)
    assert np.array_equal(images.train.images, train.images) and np.array_equal(images.test.images, held_out.images)


@pytest.mark.parametrize("options", [{"preset": "huge"}, {"seeds": 0}, {"seeds": True}, {"seed": -1}])
def test_refusals(options):
    with pytest.raises(TfadvError, match="expected"):
        Small(**options)
