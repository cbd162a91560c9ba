"""Adversarial images of a split: crafted, measured and written. What `tfadv attack` does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tfadv import files, validation
from tfadv.evaluation import metrics
from tfadv.evaluation.attack_run import spread
from tfadv.evaluation.scale import check_scale
from tfadv.options import BATCH
from tfadv.progress import silent
from tfadv.reports import figures

if TYPE_CHECKING:
    import keras

    from tfadv.attacks.base import Attack
    from tfadv.data.split import Split
    from tfadv.threat.base import ThreatModel

SHOWN = 8  # images in the gallery


def craft(
    attack: Attack,
    model: keras.Model,
    split: Split,
    threat: ThreatModel,
    targeted: str | None = None,
    seed: int = 0,
    batch_size: int = BATCH,
    progress: Callable = silent,
    any_scale: bool = False,
) -> dict[str, np.ndarray]:
    """Attack the images of a split.

    Args:
        attack: an `Attack`; model: images to logits; split: n images and labels; threat: a `ThreatModel`.
        targeted: the classes to reach, those of `target_classes`; None for any wrong one.
        seed: of all random starts and targets.
        progress: called with what is being done, and how much of how much is done.
        any_scale: attack a model too that is right only about pixels in 0 to 255.

    Returns:
        By name `x` and `x_adv`, (n, h, w, c); `y`, `predicted`, `predicted_adv`, (n,) classes; `confidence` and
        `confidence_adv`, (n,), the softmax of the predicted class; `distance`, (n,), in the norm of the threat model;
        `targets`, (n,), where there are any.

    Raises:
        TfadvError: for a model, images or an eps that `tfadv.validation` refuses, and for a model that wants pixels in
            0 to 255.

    >>> crafted = craft(PGD(steps=40), model, data.test.take(100), LInf(8 / 255))  # doctest: +SKIP
    >>> measure(crafted)["success_rate"]  # doctest: +SKIP
    0.97
    """
    x, y = split.x, split.y
    validation.radius(threat, x.shape[1:])
    validation.classifier(model, x)
    if not any_scale:
        check_scale(model, x, y, batch_size)
    before = metrics.logits(model, x, batch_size)
    targets = target_classes(targeted, before, y, seed)
    parts = []
    for k, start in enumerate(range(0, len(x), batch_size)):
        progress(str(attack), start, len(x))
        part = slice(start, start + batch_size)
        goal = None if targets is None else targets[part]
        parts.append(attack(model, x[part], y[part], threat=threat, targets=goal, seed=seed * 100_003 + k))
    x_adv = np.concatenate(parts)
    after = metrics.logits(model, x_adv, batch_size)
    return {
        "x": x,
        "x_adv": x_adv,
        "y": y,
        "predicted": before.argmax(axis=1),
        "confidence": metrics.probabilities(before).max(axis=1),
        "predicted_adv": after.argmax(axis=1),
        "confidence_adv": metrics.probabilities(after).max(axis=1),
        "distance": threat.distance(x_adv, x).numpy(),
        **({} if targets is None else {"targets": targets}),
    }


def target_classes(targeted: str | None, logits: np.ndarray, y: np.ndarray, seed: int) -> np.ndarray | None:
    """The classes that a targeted attack is to reach, never the true ones: (n,) int32; None for any wrong one.

    Args:
        targeted: `"random"`, `"least-likely"` (Kurakin, Goodfellow, Bengio 2017) or None.
        logits: of the clean images, (n, classes); y: their labels, (n,).
    """
    n, classes = logits.shape
    if targeted == "random":
        return ((y + np.random.RandomState(seed % 2**32).randint(1, classes, n)) % classes).astype(np.int32)
    if targeted == "least-likely":
        return np.where(np.arange(classes) == y[:, None], np.inf, logits).argmin(axis=1).astype(np.int32)
    return None


def successes(crafted: dict) -> tuple[np.ndarray, np.ndarray]:
    """Which right predictions became what the attacker wants, and which predictions were right: two (n,) bool."""
    right = crafted["predicted"] == crafted["y"]
    if "targets" in crafted:
        return right & (crafted["predicted_adv"] == crafted["targets"]), right
    return right & (crafted["predicted_adv"] != crafted["y"]), right


def measure(crafted: dict) -> dict:
    """The success rate among the images that were classified rightly, and how far the successful ones moved."""
    fooled, right = successes(crafted)
    distance = crafted["distance"][fooled]
    rate = float(fooled.sum() / right.sum()) if right.any() else None
    return {
        "n": len(right),
        "clean_accuracy": float(right.mean()),
        "accuracy": float((crafted["predicted_adv"] == crafted["y"]).mean()),
        "success_rate": rate,
        "median_distance": float(np.median(distance)) if fooled.any() else None,
        "max_distance": float(distance.max()) if fooled.any() else None,
    }


def write(crafted: dict, class_names: tuple, out: Path) -> tuple[Path, Path]:
    """Write adversarial.npz and a picture of a few successes, gallery.png; returns their paths."""
    fooled, _ = successes(crafted)
    pool = np.flatnonzero(fooled) if fooled.any() else np.arange(len(fooled))
    few = spread(pool.tolist(), crafted["y"], SHOWN)
    titles = [
        [title(*facts, class_names) for facts in zip(crafted["y"][few], crafted[f"predicted{when}"][few],
                                                     crafted[f"confidence{when}"][few], strict=True)]
        for when in ("", "_adv")
    ]  # fmt: skip
    picture = figures.gallery(crafted["x"][few], crafted["x_adv"][few], *titles)
    archive = files.write_npz(out / "adversarial.npz", **crafted)
    return archive, files.write_bytes(out / "gallery.png", picture)


def title(label: int, predicted: int, confidence: float, class_names: tuple) -> str:
    """The title of a picture, `✗ cat` over `97 %`; the mark says that it is wrong."""
    name = class_names[predicted] if predicted < len(class_names) else str(predicted)
    return f"{'' if label == predicted else '✗ '}{name}\n{confidence:.0%}"
