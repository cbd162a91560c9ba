"""What `tfadv doctor` looks at: one function a topic, each gives checks with the advice that mends them."""

import importlib.metadata
import os
import platform
import shutil
import sys
from pathlib import Path

import tfadv
from tfadv import errors, provenance
from tfadv.data import datasets

from . import quiet

GIB = 2**30
LITTLE_MEMORY, LITTLE_DISK = 2 * GIB, 1 * GIB


def run(data_dir=None):
    """Every check: a list of dicts with name, status (ok, note or problem), value and advice."""
    return [*python(), *packages(), *tensorflow(), *machine(), *directory(), *data(data_dir)]


def check(name, status, value, advice=""):
    return {"name": name, "status": status, "value": str(value), "advice": advice}


def python():
    version = f"{platform.python_version()} in {sys.prefix}"
    return [check("python", "ok", version), check("tfadv", "ok", tfadv.__version__)]


def packages():
    """What tfadv's own metadata ask for, and protobuf, which TensorFlow brings and others replace."""
    try:
        required = importlib.metadata.requires("tfadv") or []
    except importlib.metadata.PackageNotFoundError:
        return [check("installation", "problem", "tfadv is not installed", "run `pip install -e .` in its folder.")]
    return [package(text) for text in required if "extra ==" not in text] + [package("protobuf")]


def package(text):
    from packaging.requirements import Requirement

    wanted = Requirement(text)
    have, advice = provenance.version(wanted.name), f'run `pip install "{wanted}"`.'
    if have is None:
        return check(wanted.name, "problem", "not installed", advice)
    if not wanted.specifier.contains(have, prereleases=True):
        return check(wanted.name, "problem", f"{have}, but tfadv needs {wanted.specifier}", advice)
    return check(wanted.name, "ok", have)


def tensorflow():
    """Whether it can be imported at all, and what it computes on."""
    try:
        with quiet.loading():
            import keras
            import tensorflow as tf
    except Exception as error:  # a broken installation raises anything
        told = f"cannot be imported ({type(error).__name__}: {' '.join(str(error).split())[:200]})"
        advice = "install into a fresh virtual environment: python -m venv .venv."
        return [check("tensorflow import", "problem", told, advice)]
    backend = check("keras backend", "ok", keras.backend.backend())
    return [backend, devices(tf)]


def devices(tf):
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        names = [tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name) for gpu in gpus]
        return check("devices", "ok", f"{len(gpus)} GPU: {', '.join(names)}")
    if not has_nvidia():
        return check("devices", "ok", "CPU (this machine has no NVIDIA GPU)")
    why = "is built without CUDA" if not tf.test.is_built_with_cuda() else "does not find its CUDA libraries"
    return check("devices", "problem", f"CPU; TensorFlow {why}", 'run `pip install ".[gpu]"` in the checkout.')


def has_nvidia():
    return Path("/proc/driver/nvidia/version").exists() or shutil.which("nvidia-smi") is not None


def machine():
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    found = [check("cores", "ok", f"{cores} ({provenance.processor()})")]
    free = free_memory()
    if free is not None:
        advice = "close other programs, or use a smaller --batch-size." if free < LITTLE_MEMORY else ""
        found.append(check("memory", "note" if advice else "ok", f"{free / GIB:.1f} GiB free", advice))
    return found


def free_memory():
    """Bytes that can be taken without swapping, or None where the system does not tell."""
    try:
        with open("/proc/meminfo") as lines:
            return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        return None


def directory():
    """Whether runs can be written here."""
    here, found = Path.cwd(), []
    try:
        errors.writable_directory(here)
        found.append(check("directory", "ok", f"{here} can be written"))
    except errors.TfadvError as error:
        advice = "go to a directory of your own, or name one with --out."
        found.append(check("directory", "problem", str(error), advice))
    free = shutil.disk_usage(here).free
    advice = "free some space, or write elsewhere with --out." if free < LITTLE_DISK else ""
    return [*found, check("disk", "problem" if advice else "ok", f"{free / GIB:.1f} GiB free", advice)]


def data(data_dir):
    """What is prepared. What is not is no fault: `digits` is always there."""
    where = data_dir or os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets (TFDS_DATA_DIR is not set)"
    found = [check("data directory", "ok", where)]
    for row in datasets.describe(data_dir):
        name = f"data: {row['name']}"
        if row["prepared"]:
            found.append(check(name, "ok", f"prepared in {row['where']}" if os.sep in row["where"] else row["where"]))
        else:
            found.append(check(name, "note", "not prepared", f"{row['where']}."))
    return found
