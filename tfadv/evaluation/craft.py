"""Adversarial images of a split: crafted, measured and written, for `tfadv attack`."""

import numpy as np

from tfadv import files, validation
from tfadv.evaluation import metrics
from tfadv.evaluation.attack_run import spread
from tfadv.reports import figures

SHOWN = 8  # images in the gallery


def craft(attacker, model, split, threat, targeted, seed, batch_size, progress):
    """Attack a split; returns everything about each image by name."""
    x, y = split.x, split.y
    validation.radius(threat, x.shape[1:])
    validation.classifier(model, x)
    before = metrics.logits(model, x, batch_size)
    targets = wanted(targeted, before, y, seed)
    parts = []
    for k, start in enumerate(range(0, len(x), batch_size)):
        progress(str(attacker), start, len(x))
        part = slice(start, start + batch_size)
        goal = None if targets is None else targets[part]
        parts.append(attacker(model, x[part], y[part], threat=threat, targets=goal, seed=seed * 100_003 + k))
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


def wanted(targeted, logits, y, seed):
    """The classes that a targeted attack is to reach, never the true ones; None for any wrong one."""
    n, classes = logits.shape
    if targeted == "random":
        return ((y + np.random.RandomState(seed % 2**32).randint(1, classes, n)) % classes).astype(np.int32)
    if targeted == "least-likely":
        return np.where(np.arange(classes) == y[:, None], np.inf, logits).argmin(axis=1).astype(np.int32)
    return None


def successes(crafted):
    """Where the attacker turned a right prediction into what he wants, and which predictions were right."""
    right = crafted["predicted"] == crafted["y"]
    if "targets" in crafted:
        return right & (crafted["predicted_adv"] == crafted["targets"]), right
    return right & (crafted["predicted_adv"] != crafted["y"]), right


def measure(crafted):
    """Success rate among the images that were classified rightly, and how far the successful ones moved."""
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


def write(crafted, class_names, out):
    """Write both files; returns their paths."""
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


def title(label, predicted, confidence, class_names):
    """`✗ cat` over `97 %`; the mark says that it is wrong."""
    name = class_names[predicted] if predicted < len(class_names) else str(predicted)
    return f"{'' if label == predicted else '✗ '}{name}\n{confidence:.0%}"
