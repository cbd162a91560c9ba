"""Draws docs/images/judge.svg: from the model to its robust accuracy.

python docs/judge_flow.py
"""

from pathlib import Path

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot as plt
from matplotlib.patches import FancyBboxPatch

ROOT = Path(__file__).parent
WIDTH, HEIGHT = 2.7, 0.8
# Text, the center, and the color of its edge.
BOXES = {
    "model": ("model, images,\nthreat model", (1.4, 4.2), "#555555"),
    "standard": ("standard ensemble\nAPGD, APGD-T, FAB-T, Square", (4.8, 4.2), "#1f77b4"),
    "traced": ("operations of\nthe traced model", (1.4, 2.5), "#555555"),
    "signs": ("signs: no useful gradient, networks\ninside, remade images, flat parts", (4.8, 2.5), "#d62728"),
    "same": ("do the twin's gradients\nlead elsewhere?", (8.2, 2.5), "#d62728"),
    "twins": ("chosen attacks, each with\nits reason; the model judges", (8.2, 4.2), "#1f77b4"),
    "kinds": ("other losses, starts, more steps:\ntried on a few images", (11.6, 4.2), "#d62728"),
    "checks": ("checks: findings, and advice\nthat the judge has tried", (11.6, 2.5), "#2ca02c"),
    "result": ("robust accuracy, its interval,\nand whether to believe it", (11.6, 0.8), "#2ca02c"),
}
ARROWS = [
    ("model", "standard", ""), ("model", "traced", ""), ("traced", "signs", ""), ("standard", "signs", "what is left"),
    ("signs", "same", ""), ("same", "twins", "yes"), ("same", "kinds", "no"), ("twins", "kinds", ""),
    ("kinds", "checks", "what worked"), ("checks", "result", ""),
]  # fmt: skip


def draw():
    """The figure, as `savefig` takes it."""
    plt.rcParams.update({"svg.hashsalt": "judge", "svg.fonttype": "none"})  # the same file each time, and small
    figure, axes = plt.subplots(figsize=(13, 4.8))
    for text, (x, y), color in BOXES.values():
        corner = x - WIDTH / 2, y - HEIGHT / 2
        axes.add_patch(FancyBboxPatch(corner, WIDTH, HEIGHT, "round,pad=0.1", fc="white", ec=color, lw=1.5))
        axes.text(x, y, text, ha="center", va="center", fontsize=8.5)
    for start, end, label in ARROWS:
        arrow(axes, BOXES[start][1], BOXES[end][1], label)
    axes.set(xlim=(-0.2, 13.2), ylim=(0.2, 4.8))
    axes.axis("off")
    return figure


def arrow(axes, start, end, label):
    """An arrow from box to box."""
    (a, b), (c, d) = start, end
    across = (WIDTH / 2 + 0.12) * ((c > a) - (c < a))
    up = 0 if across else (HEIGHT / 2 + 0.12) * ((d > b) - (d < b))
    style = {"arrowstyle": "->", "lw": 1.2}
    axes.annotate("", (c - across, d - up), (a + across, b + up), arrowprops=style)
    axes.text((a + c) / 2 + 0.1, (b + d) / 2, label, fontsize=8, color="#555555", va="center")


if __name__ == "__main__":
    draw().savefig(ROOT / "images" / "judge.svg", bbox_inches="tight", metadata={"Date": None})
