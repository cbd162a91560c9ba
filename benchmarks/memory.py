"""Peak memory of an attack against the number of images: beyond the images themselves it must not grow.

python benchmarks/memory.py [--model mnist_cnn] [--attack "apgd(steps=20)"]
"""

import resource
import subprocess
import sys

import subjects
import timing
import trained

from tfadv import attacks, threat

COUNTS = (500, 1000, 2000, 4000, 8000)
GROWTH = 1.10


def main():
    # With --images it attacks so many and prints the peak alone: that is what it calls itself with.
    parser = subjects.options(__doc__, images=None, known=trained.RECIPES, one="mnist_cnn", repeats=None)
    parser.add_argument("--attack", default="apgd(steps=20)")
    given = parser.parse_args()
    if given.images:
        print(peak(given))
        return
    timing.machine()
    peaks = {}
    for count in COUNTS:
        command = [sys.executable, __file__, *sys.argv[1:], "--images", str(count)]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        peaks[count] = float(said.split()[-1])
        print(f"  {count:>6,} images  {peaks[count]:8.0f} MB beyond the images", flush=True)
    timing.verdict(f"{COUNTS[-1]:,} images over {COUNTS[1]:,}", peaks[COUNTS[-1]] / peaks[COUNTS[1]], GROWTH)


def peak(given):
    """Megabytes of this process at their highest, less the images in and out, after an attack on all of them."""
    model, data = trained.load(given.model, given.data_dir)
    test = data.test.take(given.images)
    x, y = test.x, test.y
    eps = trained.RECIPES[given.model].eps
    x_adv = attacks.get(given.attack)(model, x, y, threat=threat.LInf(eps))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - (x.nbytes + 2 * x_adv.nbytes) / 2**20


if __name__ == "__main__":
    main()
