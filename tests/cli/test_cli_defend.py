import json

SHORT = ("--n", 40, "--attack", "fgsm", "--verdict-only", "--json")


def test_a_defended_run_is_judged_without_further_words(tfadv, robust, is_refused, tmp_path):
    out = tmp_path / "noisy"
    made = tfadv("defend", robust, "--defense", "noise(sigma=0.1, votes=2)", "--out", out)
    assert made.exit_code == 0, made.stderr
    assert f"tfadv evaluate {out}" in made.stdout
    judged = tfadv("evaluate", out, *SHORT)
    assert judged.exit_code == 0, judged.stderr
    result = json.loads(judged.stdout)
    assert result["stochastic"] and result["threat"] == "linf:0.1" and result["dataset"]["name"] == "digits"
    again = tfadv("defend", robust, "--defense", "noise(sigma=0.1)", "--out", out)
    is_refused(again, "already holds model.keras", "--out")


def test_an_ensemble_of_runs(tfadv, robust, is_refused, tmp_path):
    out = tmp_path / "both"
    made = tfadv("defend", robust, robust / "model.keras", "--defense", "ensemble(mean=logits)", "--out", out, "--json")
    assert made.exit_code == 0, made.stderr
    assert len(json.loads(made.stdout)["of"]) == 2
    assert json.loads((out / "train.json").read_text())["defense"]["spec"] == "ensemble(mean=logits)"
    is_refused(tfadv("defend", robust, "--defense", "ensemble", "--out", tmp_path / "one"), "at least two classifiers")
    assert not (tmp_path / "one").exists()


def test_a_classifier_goes_behind_an_autoencoder_of_ones_own(tfadv, robust, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)  # where the run's directory has the model's name
    few = ("--dataset", "digits", "--epochs", 1)
    trained = tfadv("train", "--model", "ae", "--method", "reconstruction", *few, "--out", "ae")
    assert trained.exit_code == 0, trained.stderr
    assert "tfadv defend CLASSIFIER ae --defense encoded" in trained.stdout and "evaluate" not in trained.stdout
    made = tfadv("defend", robust, "ae", "--defense", "encoded", "--out", "behind")
    assert made.exit_code == 0 and "tfadv evaluate behind" in made.stdout, made.stderr
