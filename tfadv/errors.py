"""What tfadv says when it cannot go on: one sentence on what was expected, what came and what to do."""

import os
import re
from pathlib import Path


class TfadvError(ValueError):
    """Anything a user can mend: the command line prints the text and exits with code 2, no traceback."""


class UnreadableModel(TfadvError):
    """A model that cannot be traced, or taken apart into its operations: it can only be judged as a whole."""


def invalid(what: str, expected: object, received: object, hint: str = "") -> TfadvError:
    """An error of the house's one form: *what*: expected ..., received .... *hint*.

    >>> str(invalid("eps", "a number above 0", -1, "write e.g. linf:8/255."))
    'eps: expected a number above 0, received -1. Write e.g. linf:8/255.'
    """
    text = f"{what}: expected {expected}, received {received}."
    return TfadvError(f"{text} {hint[0].upper()}{hint[1:]}" if hint else text)


def reason(error: BaseException) -> str:
    """The first line that says something in another library's error, without its colors and names of graph nodes.

    >>> reason(ValueError("Exception encountered when calling Dense.call().\\n\\n\\x1b[1mBad shape\\x1b[0m"))
    'Bad shape'
    >>> reason(OSError("{{function_node __wrapped__SaveV2}} /disk/x; No space left on device [Op:SaveV2]"))
    '/disk/x; No space left on device'
    """
    lines = re.sub(r"\x1b\[\d*m|\{\{.*?\}\}\s*|\s*\[Op:\w+\]", "", str(error)).splitlines()
    telling = [line.strip() for line in lines if line.strip() and "Exception encountered" not in line]
    return telling[0] if telling else type(error).__name__


def writable_directory(path: str | Path) -> Path:
    """Prove that files can be written to `path`, which need not exist yet, before hours of work depend on it.

    Raises:
        TfadvError: if it cannot be made or written.
    """
    path = Path(path)
    probe, made = path / f".tfadv-{os.getpid()}", not path.exists()
    try:
        path.mkdir(parents=True, exist_ok=True)
        try:
            probe.write_bytes(b"tfadv")
        finally:  # A full disk takes the name of a file, but nothing in it.
            probe.unlink(missing_ok=True)
            if made:  # It is made again with the first file: work that is refused leaves nothing behind.
                path.rmdir()
    except OSError as error:
        raise TfadvError(
            f"cannot write to the directory {str(path)!r} ({error.strerror or error}); choose another one."
        ) from error
    return path
