"""How a command ends that cannot go on: one sentence and an exit code, a traceback only with --debug."""

import contextlib
import signal
import sys
import traceback

import click

from tfadv.errors import TfadvError

USER, BUG, INTERRUPTED, TERMINATED = 2, 1, 130, 143
AGAIN = 0.5  # seconds
NO_MEMORY = "there is not enough memory: use a smaller --batch-size, or fewer images with --n."


class Terminated(KeyboardInterrupt):
    """SIGTERM: ends like Ctrl-C, so that a stopped job loses no more than one interrupted by hand."""


def end_on_signals():
    """Have SIGTERM end a command as Ctrl-C does, and let neither be lost.

    Python drops an exception that a signal raises inside a destructor or a callback of C code; so it is raised again
    after a moment until it is caught, and what Python prints about the drop is left out.
    """
    sys.unraisablehook = _but_interruptions
    with contextlib.suppress(ValueError):  # not in the main thread
        signal.signal(signal.SIGINT, _raising(KeyboardInterrupt))
        signal.signal(signal.SIGTERM, _raising(Terminated))


def _but_interruptions(dropped):
    if not issubclass(dropped.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(dropped)


def _raising(kind):
    def end(signum, frame):
        if hasattr(signal, "setitimer"):
            signal.signal(signal.SIGALRM, end)
            signal.setitimer(signal.ITIMER_REAL, AGAIN)
        raise kind

    return end


def heard():
    """The interruption has been caught: it need not be raised again."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, 0)


@contextlib.contextmanager
def when_interrupted(advice):
    """What to say when the block is interrupted: `advice()` gives the sentence at that moment."""
    try:
        yield
    except KeyboardInterrupt as stop:
        heard()
        stop.args = (advice(),)
        raise


def remember_debug(ctx, param, value):
    if value:
        ctx.find_root().obj["debug"] = True


def report(error, debug):
    """Say on stderr why a command ended; returns the exit code."""
    heard()
    # Click turns Ctrl-C into Abort and keeps it as the cause.
    cause = error.__cause__ if isinstance(error, click.exceptions.Abort) and error.__cause__ else error
    if debug:
        traceback.print_exception(cause)
    if isinstance(cause, click.exceptions.NoArgsIsHelpError):
        cause.show()
        return USER
    code, text = outcome(cause)
    click.echo(f"Error: {' '.join(text.split())}", err=True)
    return code


def outcome(error):
    """The exit code and the sentence for an exception."""
    match error:
        case KeyboardInterrupt():
            code = TERMINATED if isinstance(error, Terminated) else INTERRUPTED
            return code, f"interrupted; {str(error) or 'complete files are kept; run the command again.'}"
        case click.UsageError():
            path = error.ctx.command_path if error.ctx else "tfadv"
            return USER, f"{error.format_message().rstrip('.')}; `{path} --help` shows what there is."
        case click.ClickException():
            return error.exit_code, error.format_message()
        case TfadvError():
            return USER, str(error)
        case MemoryError():
            return USER, NO_MEMORY
        case OSError():
            where = f"{str(error.filename)!r}: " if error.filename else ""
            return USER, f"{where}{error.strerror or error}."
    # TensorFlow's own type, recognized by its name: importing TensorFlow to compare would take seconds.
    if type(error).__name__ == "ResourceExhaustedError" or "RESOURCE_EXHAUSTED" in str(error):
        return USER, NO_MEMORY
    first = next(iter(str(error).strip().splitlines()), "")[:300]
    told = f"{type(error).__name__}: {first}" if first else type(error).__name__
    return (
        BUG,
        f"{told.rstrip('.')}; this is a fault of tfadv: run again with --debug and report what it prints.",
    )
