"""`tfadv attack`."""

import time

import click

from tfadv.errors import writable_directory

from . import failures, options, output, quiet, target, user_code
from .progress import Progress


@click.command()
@click.argument("model", metavar="MODEL")
@click.option("--attack", "spec", metavar="SPEC", default="pgd(steps=40)", show_default=True, help=f"{options.attack}.")
@options.threat
@options.dataset
@click.option(
    "--n", type=click.IntRange(min=1), default=100, show_default=True, help="Attack N test images, evenly spread."
)
@click.option(
    "--targeted",
    type=click.Choice(["random", "least-likely"]),
    help="Want this class, not just any wrong one.",
)
@options.seed
@options.batch_size
@options.data_dir
@options.any_scale
@click.option("--out", metavar="DIR", help="Where the images go [adversarial/ in the run].")
@user_code.option
@options.as_json
def attack(model, spec, threat, dataset, n, targeted, data_dir, out, as_json, **settings):
    """Craft adversarial images against MODEL, a run directory or a .keras file.

    Writes adversarial.npz (x, x_adv, y, predicted, predicted_adv, distance) and gallery.png.

    \b
    tfadv attack runs/robust --attack "pgd(steps=40)" --threat linf:0.1
    """
    chosen = target.choose(model, dataset, threat)
    target.needs_threat(chosen)
    out = writable_directory(out or chosen.home / "adversarial")
    with failures.when_interrupted(lambda: "nothing was written, and earlier images are as they were."):
        with quiet.loading():
            from tfadv import attacks
            from tfadv import threat as threats
            from tfadv.evaluation import craft
        attacker, allowed = attacks.get(spec), threats.parse(chosen.threat)
        data = chosen.load_dataset(data_dir)
        with Progress() as progress:
            started = time.perf_counter()
            settings |= {"targeted": targeted, "progress": progress}
            crafted = craft.craft(attacker, chosen.load(), data.test.spread(n), allowed, **settings)
            seconds = time.perf_counter() - started
    facts = {
        "attack": str(attacker),
        "threat": str(allowed),
        "targeted": targeted,
        **craft.measure(crafted),
        "seconds": seconds,
    }
    facts["files"] = craft.write(crafted, data.class_names, out)
    if as_json:
        output.as_json(facts)
    else:
        show(facts)


def show(facts):
    before, after = output.percent(facts["clean_accuracy"]), output.percent(facts["accuracy"])
    output.heading(f"{facts['attack']} under {facts['threat']}, {facts['n']:,} images")
    output.facts(
        {
            "success rate": f"{output.percent(facts['success_rate'])} of the images classified rightly",
            "accuracy": f"{before} before, {after} after",
            "median distance": facts["median_distance"],
            "largest distance": facts["max_distance"],
            "seconds": round(facts["seconds"], 1),
        }
    )
    output.line()
    for path in facts["files"]:
        output.line(f"Written: {path}")
