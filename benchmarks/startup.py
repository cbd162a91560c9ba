"""Seconds until `import tfadv` and `tfadv --help` are done, and whether they load TensorFlow.

python benchmarks/startup.py [--repeats 7]
"""

import argparse
import subprocess
import sys
import sysconfig
from pathlib import Path

import timing

HELP_SECONDS = 0.3
HEAVY = ("tensorflow", "keras", "numpy", "scipy", "matplotlib")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=7, help="processes of each kind; medians are printed")
    repeats = parser.parse_args().repeats
    timing.machine()
    commands = {"bare Python": ["-c", "pass"], "import tfadv": ["-c", "import tfadv"]}
    script = Path(sysconfig.get_path("scripts")) / "tfadv"
    if script.is_file() and not subprocess.run([sys.executable, script, "--help"], capture_output=True).returncode:
        commands["tfadv --help"] = [str(script), "--help"]
    else:
        print(f"tfadv --help: skipped (there is no {script}, or it fails: pip install -e . first)")
    seconds = timing.medians({name: lambda run=run: python(*run) for name, run in commands.items()}, repeats)
    timing.report(f"startup: {repeats} processes each", seconds, seconds["bare Python"], list(commands))
    for name, command in list(commands.items())[1:]:
        loaded = [module for module in HEAVY if module in imported(*command)]
        print(f"  {name} loads {', '.join(loaded) or 'none'} of {', '.join(HEAVY)}")
        timing.verdict(f"{name}, seconds", seconds[name], HELP_SECONDS)
        timing.verdict(f"{name}, TensorFlow loaded", "tensorflow" in loaded, 0)


def python(*arguments):
    """Run this Python; its output is dropped unless it fails."""
    result = subprocess.run([sys.executable, *arguments], capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"{' '.join(arguments)} failed:\n{result.stderr}")
    return result.stderr


def imported(*arguments):
    """The modules that a Python process imports, all of them."""
    lines = python("-X", "importtime", *arguments).splitlines()
    return {line.rsplit("|", 1)[1].strip() for line in lines if line.startswith("import time:")}


if __name__ == "__main__":
    main()
