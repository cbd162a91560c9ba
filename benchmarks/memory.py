"""Peak memory of an attack against the number of images: beyond the images themselves it must not grow.

python benchmarks/memory.py [--model mnist_cnn] [--attack "apgd(steps=20)"]
"""

import argparse
import resource
import subprocess
import sys

import timing

COUNTS = (500, 1000, 2000, 4000, 8000)
GROWTH = 1.10


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="mnist_cnn")
    parser.add_argument("--attack", default="apgd(steps=20)")
    parser.add_argument("--data-dir", help="where TFDS' data are (default: TFDS_DATA_DIR)")
    parser.add_argument("--images", type=int, help="attack so many and print the peak only (what this script calls)")
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
    import trained

    from tfadv import attacks, threat

    model, data = trained.load(given.model, given.data_dir)
    test = data.test.take(given.images)
    x, y = test.x, test.y
    eps = trained.RECIPES[given.model].eps
    x_adv = attacks.get(given.attack)(model, x, y, threat=threat.LInf(eps))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - (x.nbytes + 2 * x_adv.nbytes) / 2**20


if __name__ == "__main__":
    main()
