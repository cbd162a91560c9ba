import json
import shlex
import shutil

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


def advised(stdout, program="tfadv evaluate "):
    """The arguments of the command that a user would copy."""
    [line] = [line for line in stdout.splitlines() if program in line]
    return shlex.split(line.partition(program)[2])


def test_what_is_advised_for_a_file_works_as_it_stands(tfadv, robust, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.py").write_text("")
    shutil.copy(robust / "model.keras", "mine.keras")
    made = tfadv("defend", "mine.keras", "--defense", "low_rank", "--out", "cut runs", "--import", "own.py")
    assert "No record says what data mine.keras is for: digits would fit." in made.stdout, made.stderr
    words = advised(made.stdout)
    assert words == ["cut runs", "--import", "own.py", "--dataset", "digits", "--threat", "linf:8/255"]
    judged = tfadv("evaluate", *words, *SHORT)
    assert judged.exit_code == 0 and json.loads(judged.stdout)["threat"] == "linf:8/255", judged.stderr


def test_what_is_advised_of_smoothed_models_and_of_other_data(tfadv, classifiers, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    classifiers("cnn").save("ten.keras"), classifiers("two_classes").save("two.keras")
    made = tfadv("defend", "ten.keras", "--defense", "smoothed", "--out", "ten")
    assert advised(made.stdout)[1:3] == ["--dataset", "digits"], made.stderr
    made = tfadv("defend", "two.keras", "--defense", "low_rank", "--out", "two")
    assert advised(made.stdout)[1:3] == ["--dataset", "NAME"] and "give a name, a folder" in made.stdout, made.stderr


def test_a_classifier_goes_behind_an_autoencoder_of_ones_own(tfadv, robust, is_refused, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)  # where the run's directory has the model's name
    few = ("--dataset", "digits", "--epochs", 1)
    trained = tfadv("train", "--model", "ae", "--method", "reconstruction", *few, "--out", "ae")
    assert trained.exit_code == 0, trained.stderr
    assert "tfadv defend CLASSIFIER ae --defense encoded" in trained.stdout and "evaluate" not in trained.stdout
    for command in (
        ["evaluate", "ae", "--threat", "linf:0.1"],
        ["attack", "ae", "--threat", "linf:0.1"],
        ["export", "ae"],
    ):
        is_refused(tfadv(*command), "which an autoencoder gives", "tfadv defend CLASSIFIER AUTOENCODER")
    is_refused(tfadv("defend", "ae", "--defense", "noise(sigma=0.1)", "--out", "no"), "which an autoencoder gives")
    made = tfadv("defend", robust, "ae", "--defense", "encoded", "--out", "behind")
    assert made.exit_code == 0 and "tfadv evaluate behind" in made.stdout, made.stderr
