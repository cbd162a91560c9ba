"""What a user writes, read by mypy and never run: `mypy` (setup.cfg). An ignored error that is none fails too."""

import keras
import numpy as np

import tfadv
from tfadv import LInf, attacks, threat
from tfadv.attacks import APGD, FAB, PGD, Attack, AutoAttack
from tfadv.data import Dataset
from tfadv.models import build, resnet20
from tfadv.training import Run, Standard, Trades


def craft(model: keras.Model, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    attack: Attack = AutoAttack(version="plus")
    attack(model, x, y, threat=threat.parse("l2:0.5"))
    attacks.get("fab")(model, x, y, threat=LInf(0.1), seed=1, batch_size=100)
    return PGD(steps=40, loss="margin")(model, x, y, threat=LInf(8 / 255), targets=y)


def train() -> Run:
    data: Dataset = tfadv.load_dataset("digits")
    run: Run = tfadv.train(data, out="runs/digits", model="mlp", epochs=1)
    Standard(resnet20((32, 32, 3), 10)).fit(data.test.x, data.test.y)
    Trades(build("mlp", data.image_shape, data.num_classes), attack=PGD(), threat=LInf(0.1), seed=1, beta=3.0)
    return run


def judge(model: keras.Model, data: Dataset) -> float:
    result = tfadv.evaluate(model, data, threat="linf:0.1", progress=True)
    low, high = result.robust_interval or (0.0, 1.0)
    result.save("runs/digits")
    tfadv.write_report("runs/digits", "digits.html")
    tfadv.export(model, name="digits", class_names=data.class_names)
    return high - low


def mistakes(model: keras.Model, x: np.ndarray, y: np.ndarray) -> None:
    tfadv.Linf(0.1)  # type: ignore[attr-defined]
    PGD(step=40)  # type: ignore[call-arg]
    APGD(steps="many")  # type: ignore[arg-type]
    FAB()(model, x, y)  # type: ignore[call-arg]
    PGD()(model, x, y, threat="linf:8/255")  # type: ignore[arg-type]
    tfadv.load_dataset(3)  # type: ignore[arg-type]
    Trades(model, atack=PGD())  # type: ignore[call-arg]
    Trades(model, attack="pgd")  # type: ignore[arg-type]
    threat.parse(0.1)  # type: ignore[arg-type]
