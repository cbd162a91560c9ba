"""AutoAttack's standard ensemble crafted in float32 and in bfloat16, judged in float32: seconds and verdicts.

python benchmarks/precision.py [--model mnist_cnn_pgd] [--images 300]
"""

import numpy as np
import subjects
import timing
import trained

from tfadv import attacks
from tfadv.evaluation.attack_run import AttackRun
from tfadv.evaluation.journal import Journal
from tfadv.evaluation.judge import Judge
from tfadv.graph.precision import in_precision
from tfadv.threat import LInf


def main():
    parser = subjects.options(__doc__, images=300, known=trained.RECIPES, one="mnist_cnn_pgd", repeats=None)
    given = parser.parse_args()
    timing.machine()
    model, data = trained.load(given.model, given.data_dir)
    test, threat = data.test.take(given.images), LInf(trained.RECIPES[given.model].eps)
    members = attacks.get("autoattack").members(10, "linf")
    print(
        f"{given.model}, {given.images} images, {threat}: seconds of the first run, which compiles, and of the second"
    )
    robust = {}
    for precision, crafted_on in (("float32", None), ("bfloat16", in_precision(model, "bfloat16"))):
        taken = []
        for _ in range(2):
            judge, silent = Judge(model, test.x, test.y, threat), lambda *facts: None
            run = AttackRun(judge, members, journal=Journal(None, {}), progress=silent, crafted_on=crafted_on)
            taken.append(timing.once(run.run)[1])
        robust[precision] = run.robust
        print(f"  {precision:9} {taken[0]:6.1f} {taken[1]:6.1f}   robust {run.robust.mean():.2%}", flush=True)
    print(f"  images on which the verdicts agree: {np.mean(robust['float32'] == robust['bfloat16']):.2%}")


if __name__ == "__main__":
    main()
