"""What users feed it by mistake: one clear sentence, exit code 2, no traceback, and nothing lost."""

import contextlib
import json
import resource

import keras
import numpy as np
import pytest
from keras import layers

from tfadv import runs


def saved(path, shape=(8, 8, 1), **options):
    model = keras.Sequential([keras.Input(shape), layers.Flatten(), layers.Dense(10, **options)])
    model.save(path)
    return path


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """One honest classifier of 8 x 8 images and some that are not."""
    folder = tmp_path_factory.mktemp("models")
    saved(folder / "plain.keras")
    saved(folder / "large.keras", (32, 32, 3))
    saved(folder / "softmax.keras", activation="softmax")
    saved(folder / "nan.keras", bias_initializer=keras.initializers.Constant(float("nan")))
    whole = (folder / "plain.keras").read_bytes()
    (folder / "truncated.keras").write_bytes(whole[: len(whole) // 2])
    (folder / "text.keras").write_text("no model")
    return folder


@pytest.fixture(scope="module")
def archives(tmp_path_factory):
    folder = tmp_path_factory.mktemp("archives")
    x, y = np.random.default_rng(0).random((20, 8, 8, 1), np.float32), np.arange(20) % 10
    np.savez(folder / "good.npz", x=x, y=y)
    np.savez(folder / "mnist_like.npz", x=np.zeros((20, 28, 28, 1), "uint8"), y=y)
    np.savez(folder / "bytes.npz", x=x * 255, y=y)
    np.savez(folder / "onehot.npz", x=x, y=np.eye(10)[y])
    np.savez(folder / "floats.npz", x=x, y=y.astype("float32"))
    (folder / "empty").mkdir()
    return folder


DATA = [
    ("large.keras", "mnist_like.npz", ["32 x 32 x 3", "28 x 28 x 1"]),
    ("plain.keras", "bytes.npz", ["[0, 1]", "255"]),
    ("softmax.keras", "good.npz", ["logits", "probabilities", "as_logits_model"]),
    ("plain.keras", "onehot.npz", ["one-hot", "argmax"]),
    ("plain.keras", "floats.npz", ["integer", "float32", "astype('int32')"]),
    ("nan.keras", "good.npz", ["not finite"]),
    ("plain.keras", "empty", ["one folder of images per class"]),
    ("truncated.keras", "good.npz", ["truncated"]),
    ("text.keras", "good.npz", ["text.keras"]),
    ("missing.keras", "good.npz", ["there is no model"]),
    ("plain.keras", "missing.npz", ["missing.npz"]),
]


@pytest.mark.parametrize("command", ["evaluate", "attack"])
@pytest.mark.parametrize(("model", "data", "words"), DATA)
def test_models_and_data_that_do_not_fit(tfadv, is_refused, models, archives, tmp_path, command, model, data, words):
    given = ("--dataset", archives / data, "--threat", "linf:0.1", "--attack", "fgsm", "--out", tmp_path)
    is_refused(tfadv(command, models / model, *given), *words)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("data", ["bytes.npz", "onehot.npz", "floats.npz", "empty", "missing.npz"])
def test_data_that_nothing_can_be_trained_on(tfadv, is_refused, archives, tmp_path, data):
    out = tmp_path / "run"
    is_refused(tfadv("train", "--dataset", archives / data, "--out", out))
    assert not out.exists()


SPECS = [
    (["--threat", "linf:0.1", "--attack", "pdg"], ["'pdg'", "'pgd'"]),
    (["--threat", "linf:-1", "--attack", "fgsm"], ["eps", "-1"]),
    (["--threat", "linf", "--attack", "fgsm"], ["linf:8/255"]),
    (["--threat", "linf:0.1", "--attack", "pgd(steps=0)"], ["pgd: steps", "0"]),
    (["--threat", "linf:8", "--attack", "fgsm"], ["at most 1", "Did you mean linf:8/255?"]),
    (["--threat", "linf:0.1", "--attack", "pgd(steps=99999999999)"], ["at most 1,000,000", "99999999999"]),
    (["--threat", "linf:0.1", "--attack", "pgd(stepz=3)"], ["stepz", "steps"]),
    (["--threat", "linf:0.1", "--attack", "pgd(steps="], ["cannot read"]),
]


@pytest.mark.parametrize(("given", "words"), SPECS)
def test_specs_that_say_nothing(tfadv, is_refused, models, archives, tmp_path, given, words):
    data = ("--dataset", archives / "good.npz")
    is_refused(tfadv("evaluate", models / "plain.keras", *data, *given, "--out", tmp_path), *words)
    is_refused(tfadv("attack", models / "plain.keras", *data, *given, "--out", tmp_path), *words)
    is_refused(tfadv("train", *data, "--method", "adversarial", *given, "--out", tmp_path / "run"), *words)
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_given_is_asked_for(tfadv, is_refused, models, archives, tmp_path):
    plain = models / "plain.keras"
    is_refused(tfadv("evaluate", plain, "--dataset", archives / "good.npz", "--out", tmp_path), "--threat")
    is_refused(tfadv("evaluate", plain, "--threat", "linf:0.1", "--out", tmp_path), "--dataset")
    is_refused(tfadv("train", "--out", tmp_path), "--dataset")
    is_refused(tfadv("train", "--dataset", "digits", "--method", "adversarial", "--out", tmp_path), "--attack")


def test_a_command_that_failed_at_once_can_be_mended_and_repeated(tfadv, is_refused, tmp_path):
    given = ("train", "--dataset", "digits", "--epochs", 1, "--out", tmp_path / "run")
    is_refused(tfadv(*given, "--optimizer", "sgd(learning_rate=fast)"), "learning_rate")
    is_refused(tfadv(*given, "--optimizer", "sgd(learning_rate=1e30)"), "not finite")
    assert tfadv(*given).exit_code == 0
    is_refused(tfadv(*given), "finished")


def test_one_class_is_nothing_to_learn(tfadv, is_refused, tmp_path):
    np.savez(tmp_path / "one.npz", x=np.zeros((20, 8, 8, 1), "uint8"), y=np.zeros(20, int))
    given = ("--dataset", tmp_path / "one.npz", "--batch-size", 4, "--out", tmp_path / "run")
    is_refused(tfadv("train", *given), "at least 2, received only '0'")


def test_a_folder_of_the_name_of_a_model_is_no_model(tfadv, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mlp").mkdir()
    assert tfadv("train", "--dataset", "digits", "--epochs", 1, "--out", "run").exit_code == 0


def test_data_that_are_not_prepared(tfadv, is_refused, tmp_path):
    given = ("--dataset", "mnist", "--data-dir", tmp_path, "--out", tmp_path / "run")
    is_refused(tfadv("train", *given), str(tmp_path), "tfadv data prepare mnist")


@pytest.mark.parametrize("place", ["file", "/proc/no/such"])
def test_directories_that_cannot_be_written(tfadv, is_refused, evaluated, tmp_path, place):
    """The tests may run as root, whom no permission stops: a file and /proc stop him too."""
    run, _ = evaluated
    (tmp_path / "file").write_text("not a directory")
    out = tmp_path / place / "out"
    is_refused(tfadv("evaluate", run, "--out", out), str(out), "choose another one")
    is_refused(tfadv("attack", run, "--out", out), str(out), "choose another one")
    is_refused(tfadv("train", "--dataset", "digits", "--out", out), str(out))
    is_refused(tfadv("export", run, "--directory", out), str(out))
    is_refused(tfadv("report", run, "-o", out / "report.html"), str(out))


@pytest.mark.parametrize("content", ["{", "[]", '{"schema_version": 99, "kind": "evaluation"}'])
def test_a_result_that_cannot_be_read_is_left_where_it_is(tfadv, robust, tmp_path, content):
    for name in (runs.MODEL, runs.TRAIN):
        (tmp_path / name).write_bytes((robust / name).read_bytes())
    (tmp_path / runs.RESULT).write_text(content)
    done = tfadv("evaluate", tmp_path, "--attack", "fgsm", "--n", 10, "--verdict-only")
    assert done.exit_code == 0, done.output
    assert (tmp_path / runs.RESULT).read_text() == content and (tmp_path / "linf-0.1" / runs.RESULT).is_file()


@contextlib.contextmanager
def limited(size):
    """No file may grow beyond so many bytes, as if the disk were full after them."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def contents(directory):
    return {path.name: path.read_bytes() for path in directory.iterdir() if path.is_file()}


def test_a_disk_that_fills_up_leaves_the_old_result(tfadv, is_refused, evaluated):
    run, _ = evaluated
    before = contents(run)
    with limited(500):
        result = tfadv("evaluate", run, "--n", 20, "--attack", "fgsm")
    is_refused(result, "cannot write")
    assert contents(run) == before


def test_a_disk_that_fills_up_in_training_can_be_resumed(tfadv, is_refused, tmp_path):
    out = tmp_path / "run"
    with limited(20_000):
        result = tfadv("train", "--dataset", "digits", "--epochs", 2, "--out", out)
    is_refused(result)
    assert tfadv("train", "--resume", "--out", out).exit_code == 0


@pytest.mark.parametrize(
    "content", ["[1]", "null", "{", '{"settings": [], "source": "a", "class_names": [], "finished": true}']
)
def test_a_record_of_training_that_was_edited(content, models, tfadv, is_refused, tmp_path):
    (tmp_path / "model.keras").write_bytes((models / "plain.keras").read_bytes())
    (tmp_path / "train.json").write_text(content)
    for command in (
        ("evaluate", tmp_path, "--threat", "linf:0.1"),
        ("attack", tmp_path, "--threat", "linf:0.1"),
        ("export", tmp_path),
        ("train", "--resume", "--out", tmp_path),
        ("train", "--dataset", "digits", "--out", tmp_path),
    ):
        is_refused(tfadv(*command), "cannot read", "train.json", "train again")


def test_a_setting_that_was_edited(tfadv, is_refused, tmp_path):
    settings = {"dataset": "digits", "model": "mlp", "method": "standard", "epochs": 1, "patience": "3"}
    record = {"settings": settings, "source": "digits", "class_names": ["0"], "finished": False}
    (tmp_path / "train.json").write_text(json.dumps(record))
    is_refused(tfadv("train", "--resume", "--out", tmp_path), "patience: expected a whole number")
    record["settings"] |= {"patience": 3, "patients": 3}
    (tmp_path / "train.json").write_text(json.dumps(record))
    is_refused(tfadv("train", "--resume", "--out", tmp_path), "there is no setting 'patients'")


def test_two_commands_in_one_directory(models, tfadv, is_refused, tmp_path):
    train = ("train", "--dataset", "digits", "--out", tmp_path)
    judge = ("evaluate", models / "plain.keras", "--dataset", "digits", "--threat", "linf:0.1", "--out", tmp_path)
    with runs.locked(tmp_path, "training"):
        for command in (train, judge):
            is_refused(tfadv(*command), f"{str(tmp_path)!r} is in use: process", "is training there")
    assert not list(tmp_path.iterdir())
