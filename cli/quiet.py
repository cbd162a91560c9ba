"""Only our own lines on stderr, and a sign of life while TensorFlow is being imported."""

import contextlib
import logging
import os
import sys
import warnings


def hush():
    """Turn off what TensorFlow, CUDA, absl and Keras say to themselves; errors still arrive as exceptions.

    TensorFlow's C++ prints to file descriptor 2 before any of its own settings are read, so that descriptor
    leads nowhere from here on, and Python's stderr goes through a copy of it.
    """
    warnings.simplefilter("ignore")
    logging.disable(logging.ERROR)
    with contextlib.suppress(OSError, ValueError, AttributeError):  # stderr is closed, or no file
        copy = os.dup(sys.stderr.fileno())
        # It lives as long as the process.
        sys.stderr = open(copy, "w", buffering=1, encoding="utf-8", errors="backslashreplace")  # noqa: SIM115
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.close(nowhere)


def escape_what_cannot_be_shown():
    """Print as an escape what the terminal cannot encode, such as a file name that is not UTF-8."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError):  # it is closed, and None
            stream.reconfigure(errors="backslashreplace")


@contextlib.contextmanager
def loading():
    """Wrap the imports that take seconds."""
    # Keras may be configured for another backend on this machine; tfadv works on TensorFlow only.
    os.environ["KERAS_BACKEND"] = "tensorflow"
    if not sys.stderr.isatty() or "tensorflow" in sys.modules:
        yield
        return
    from rich.console import Console

    with Console(file=sys.stderr).status("Starting TensorFlow"):
        yield
