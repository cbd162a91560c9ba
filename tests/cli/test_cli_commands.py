import json

import numpy as np
import pytest

from tfadv_cli.train import show


def test_evaluate_prints_a_table_and_writes_its_files(evaluated):
    out, printed = evaluated
    rows = {line.split("  ")[0].strip() for line in printed.splitlines()}
    assert {"clean", "fgsm", "pgd(steps=5)", "robust"} <= rows
    assert "rho_2" in printed and "info: Only 360 images" in printed and str(out) in printed
    assert (out / "report.html").read_text().startswith("<!")
    stored = json.loads((out / "result.json").read_text())
    assert {"clean_accuracy", "robust_accuracy", "attacks", "findings", "provenance"} <= set(stored)
    with np.load(out / "per_example.npz") as arrays:
        assert arrays["clean"].dtype == arrays["robust"].dtype == bool
        assert arrays["clean"].mean() == pytest.approx(stored["clean_accuracy"])
        assert arrays["robust"].mean() == pytest.approx(stored["robust_accuracy"])


def test_json_is_the_only_thing_on_stdout_and_stderr_is_ours(process, robust, tmp_path):
    command = process("evaluate", robust, "--n", 40, "--attack", "fgsm", "--json", "--out", tmp_path)
    stdout, stderr = command.communicate(timeout=120)
    assert command.returncode == 0, stderr
    assert json.loads(stdout) == json.loads((tmp_path / "result.json").read_text())
    ours = ("compiling", "fgsm", "uniform noise", "DeepFool distances", "accuracy", "checks", "proof")
    for line in stderr.splitlines():
        assert line.startswith(ours), line


def test_evaluate_a_file_of_ones_own_with_a_folder_and_an_npz(tfadv, robust, tmp_path, monkeypatch):
    from PIL import Image

    from tfadv.data.datasets import load

    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.keras").write_bytes((robust / "model.keras").read_bytes())
    few = load("digits").test.take(30)
    np.savez("mine.npz", x=few.x, y=few.y)
    for i, (image, label) in enumerate(zip(few.x, few.y, strict=True)):
        (tmp_path / f"images/{label}").mkdir(parents=True, exist_ok=True)
        Image.fromarray((image[..., 0] * 255).astype("uint8")).save(f"images/{label}/{i}.png")
    for dataset in ("mine.npz", "images"):
        result = tfadv(
            "evaluate",
            "own.keras",
            "--dataset",
            dataset,
            "--threat",
            "linf:0.1",
            "--attack",
            "fgsm",
            "--verdict-only",
            "--json",
        )
        assert result.exit_code == 0, result.stderr
        assert json.loads(result.stdout)["dataset"]["n"] == 30
    assert (tmp_path / "runs/own/result.json").is_file()


def test_attack_writes_images_and_a_gallery(tfadv, robust):
    result = tfadv("attack", robust, "--attack", "pgd(steps=5)", "--n", 40)
    assert result.exit_code == 0, result.stderr
    assert "success rate" in result.stdout
    with np.load(robust / "adversarial/adversarial.npz") as a:
        assert {"x", "x_adv", "y", "predicted", "predicted_adv", "distance"} <= set(a)
        assert a["x_adv"].shape == a["x"].shape == (40, 8, 8, 1)
        assert a["distance"].max() <= 0.1 + 1e-6
        np.testing.assert_allclose(np.abs(a["x_adv"] - a["x"]).max(axis=(1, 2, 3)), a["distance"], atol=1e-6)
        right = a["predicted"] == a["y"]
        rate = (right & (a["predicted_adv"] != a["y"])).sum() / right.sum()
    assert f"{100 * rate:.1f} %" in result.stdout
    assert (robust / "adversarial/gallery.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("targeted", ["random", "least-likely"])
def test_targeted_attacks_want_another_class(tfadv, robust, tmp_path, targeted):
    result = tfadv(
        "attack",
        robust,
        "--n",
        30,
        "--targeted",
        targeted,
        "--threat",
        "linf:0.5",
        "--json",
        "--out",
        tmp_path,
    )
    assert result.exit_code == 0, result.stderr
    facts = json.loads(result.stdout)
    with np.load(tmp_path / "adversarial.npz") as a:
        assert (a["targets"] != a["y"]).all()
        right = a["predicted"] == a["y"]
        rate = (right & (a["predicted_adv"] == a["targets"])).sum() / right.sum()
    # Within 0.5 most classes are reached; by an untargeted attack, which goes elsewhere, fewer than 0.4.
    assert facts["success_rate"] == pytest.approx(rate) and rate > 0.55
    assert facts["targeted"] == targeted


def test_report_compares_runs(tfadv, evaluated, tmp_path):
    out, _ = evaluated
    result = tfadv("report", out, out, "-o", tmp_path / "both.html")
    assert result.exit_code == 0, result.stderr
    assert result.stdout == f"Written: {tmp_path / 'both.html'}\n"


def test_export_prints_what_was_written(tfadv, evaluated, tmp_path):
    import tensorflow as tf

    out, _ = evaluated
    result = tfadv("export", out, "--directory", tmp_path, "--json")
    assert result.exit_code == 0, result.stderr
    facts = json.loads(result.stdout)
    assert facts["path"] == str(tmp_path / "robust/1") and facts["max_difference"] < 1e-4
    assert set(facts["signatures"]) == set(tf.saved_model.load(facts["path"]).signatures)
    card = json.loads((tmp_path / "robust/1/card.json").read_text())
    assert card["record"]["training"]["settings"]["method"] == "adversarial"
    assert "robust_accuracy" in card["record"]["evaluation"]


def test_what_was_exported_is_judged_like_the_run(tfadv, evaluated, tmp_path, monkeypatch):
    """Data and threat model come from its card; what was said about the run stays as it was."""
    out, _ = evaluated
    assert tfadv("export", out, "--directory", tmp_path / "saved_models").exit_code == 0
    monkeypatch.chdir(tmp_path)
    attacks = ("--attack", "fgsm", "--attack", "pgd(steps=5)")
    result = tfadv("evaluate", "saved_models/robust", *attacks, "--verdict-only", "--json")
    assert result.exit_code == 0, result.stderr
    judged, before = json.loads(result.stdout), json.loads((out / "result.json").read_text())
    assert (tmp_path / "runs" / "robust-1" / "result.json").is_file() and judged["model"]["name"] == "robust-1"
    assert judged["threat"] == before["threat"] and judged["clean_accuracy"] == before["clean_accuracy"]
    assert abs(judged["robust_accuracy"] - before["robust_accuracy"]) < 0.01


def test_data_list(tfadv, tmp_path):
    printed = tfadv("data", "list", "--data-dir", tmp_path).stdout
    assert "digits" in printed and "fashion_mnist" in printed and str(tmp_path) in printed
    rows = json.loads(tfadv("data", "list", "--json", "--data-dir", tmp_path).stdout)["datasets"]
    assert {row["name"]: row["prepared"] for row in rows}["digits"]


def test_data_prepare(tfadv, is_refused):
    assert tfadv("data", "prepare", "digits").stdout.startswith("digits is prepared: ")
    is_refused(tfadv("data", "prepare", "digit"), "'digits'")


def test_doctor_finds_nothing_broken_here(tfadv):
    result = tfadv("doctor", "--json")
    report = json.loads(result.stdout)
    assert report["ok"] is (result.exit_code == 0)
    assert [check["name"] for check in report["checks"] if check["status"] == "problem"] == []
    # Some versions of setuptools write hyphens into the metadata.
    names = {check["name"].replace("-", "_") for check in report["checks"]}
    assert {"python", "tensorflow", "importlib_resources", "protobuf", "devices", "disk"} <= names


def test_doctor_tells_what_to_do(tfadv, monkeypatch):
    from tfadv_cli import doctor_checks

    monkeypatch.setattr(doctor_checks.provenance, "version", lambda name: None if name == "rich" else "0.1")
    result = tfadv("doctor")
    assert result.exit_code == 1
    lines = [line.split() for line in result.stdout.splitlines()]
    assert ["problem", "rich", "not", "installed"] in lines
    assert any(line[:3] == ["->", "run", "`pip"] for line in lines)
    assert "problems to mend" in result.stdout


def test_doctor_names_the_missing_cuda(monkeypatch):
    from tfadv_cli import doctor_checks

    class Blind:
        class config:
            list_physical_devices = staticmethod(lambda kind: [])

        class test:
            is_built_with_cuda = staticmethod(lambda: False)

    monkeypatch.setattr(doctor_checks, "has_nvidia", lambda: True)
    found = doctor_checks.devices(Blind)
    assert found["status"] == "problem" and "without CUDA" in found["value"]
    assert found["advice"] == 'run `pip install ".[gpu]"` in the checkout.'


def test_reproduce_passes_only_what_was_given(tfadv, is_refused, monkeypatch, tmp_path):
    from tfadv import experiments
    from tfadv.registry import Registry

    monkeypatch.setattr(experiments, "EXPERIMENTS", Registry("experiment", {"tiny_one": f"{__name__}:Tiny"}))
    result = tfadv("reproduce", "tiny-one", "--seeds", 2, "--out", tmp_path)
    assert result.exit_code == 0, result.stderr
    for words in ("DOES NOT HOLD: more is more", "published 1.41, measured 2 [1, 3]", "a  b", "x  1"):
        assert words in result.stdout
    assert f"Report: {tmp_path / 'report.html'}" in result.stdout
    is_refused(tfadv("reproduce", "tiny-one(form=seed)"), "'tiny_one' has no option 'form'", "seeds")
    is_refused(tfadv("reproduce", "tiny-on"), "tiny_one")


class Tiny:
    def __init__(self, seeds=1):
        assert seeds == 2

    def run(self, out, progress, only, networks):
        assert only == () and networks is None
        from tfadv.evaluation.results import ExperimentResult

        progress("seeds", 1, 2)
        claim = {
            "id": "c",
            "statement": "more is more",
            "published": 1.41,
            "measured": 2.0,
            "interval": [1.0, 3.0],
        }
        table = {"id": "t", "title": "Table", "columns": ["a", "b"], "rows": [["x", 1]]}
        return ExperimentResult(name="tiny", title="Tiny", claims=[claim | {"holds": False}], tables=[table])


def test_another_threat_model_does_not_overwrite_a_result(tfadv, evaluated, tmp_path):
    import shutil

    run = tmp_path / "run"
    shutil.copytree(evaluated[0], run)
    before = (run / "result.json").read_bytes()
    done = tfadv("evaluate", run, "--threat", "l2:0.5", "--attack", "fgsm", "--n", 20, "--verdict-only")
    assert done.exit_code == 0 and (run / "result.json").read_bytes() == before
    assert (run / "l2-0.5" / "result.json").is_file() and "l2-0.5" in done.stdout


def test_train_begins_with_a_recipe_and_its_options_win(tfadv, is_refused, tmp_path):
    lines = ("epochs = 9", 'method = "fast(guard=False)"', 'threat = "linf:0.1"', 'model = "mlp(hidden=(8,))"')
    (tmp_path / "mine.toml").write_text("\n".join(lines))
    begin = ("train", "--recipe", tmp_path / "mine.toml", "--dataset", "digits", "--epochs", 1)
    more = ("--validation", 100, "--augment", "crop-flip", "--augment", "cutout(size=2)", "--eps-ramp", 0.5)
    result = tfadv(*begin, *more, "--out", tmp_path / "r", "--json")
    assert result.exit_code == 0, result.output
    record = json.loads(result.stdout)
    settings = record["settings"]
    assert (settings["epochs"], settings["validation"], settings["eps_ramp"]) == (1, 100, 0.5)
    assert settings["augment"] == ["crop-flip", "cutout(size=2)"] and settings["method"] == "fast(guard=False)"
    assert record["recipe"] == str(tmp_path / "mine.toml")
    is_refused(tfadv(*begin, "--validation", "many", "--out", tmp_path / "s"), "'many'", "as a number")
    (tmp_path / "mine.toml").write_text("dataset = 5")
    is_refused(tfadv("train", *begin[1:3], "--out", tmp_path / "s"), "dataset: expected a text, received 5")
    is_refused(tfadv("train", "--recipe", "cifar", "--out", tmp_path / "s"), "unknown recipe", "cifar10")


@pytest.mark.parametrize(
    ("threat", "said"),
    [
        (None, " --threat linf:8/255"),
        ("linf:0.1", ""),
        (["linf:0.1", "l2:1"], " --threat linf:0.1 --threat l2:1"),
    ],
)
def test_a_training_ends_with_the_command_that_judges_it(capsys, tmp_path, threat, said):
    settings = {"method": "fast", "model": "mlp", "dataset": "digits", "keep": "best", "epochs": 1, "threat": threat}
    show(tmp_path, {"settings": settings | {"precision": "bfloat16"}, "metrics": {}, "best_epoch": 1})
    out = capsys.readouterr().out
    assert out.startswith(f"{tmp_path}: fast training of mlp on digits in bfloat16\n")
    assert out.rstrip().endswith(f"tfadv evaluate {tmp_path}{said}")
