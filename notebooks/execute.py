"""Runs quickstart.ipynb and keeps what its cells show.

    python notebooks/execute.py        # minutes; needs Fashion-MNIST, see `tfadv data prepare`

What was run is recorded in the notebook: a test compares, so that no cell changes without its outputs.
"""

import hashlib
import os
import re
import resource
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

from tfadv import files

QUICKSTART = Path(__file__).with_name("quickstart.ipynb")
RECORD = "tfadv"  # where in the notebook's metadata it is recorded what was run


def code_of(notebook: NotebookNode) -> list[NotebookNode]:
    """The cells that are run."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def digest(notebook: NotebookNode) -> str:
    """Of all that is run: the outputs are those of this code."""
    return hashlib.sha256("\n\n".join(cell.source for cell in code_of(notebook)).encode()).hexdigest()


def with_parameters(notebook: NotebookNode, **values: Any) -> NotebookNode:
    """The same notebook with other values in the cell that is tagged `parameters`.

    Raises:
        KeyError: for a name that is assigned no value there.
    """
    changed = nbformat.from_dict(notebook)
    [cell] = [cell for cell in code_of(changed) if "parameters" in cell.metadata.get("tags", ())]
    for name, value in values.items():
        cell.source, found = re.subn(rf"^{name} = [^#\n]*?(?=  #|$)", f"{name} = {value!r}", cell.source, flags=re.M)
        if not found:
            raise KeyError(name)
    return changed


def run(notebook: NotebookNode, directory: str | Path) -> NotebookNode:
    """Run every cell in a directory, in a fresh kernel of this Python; the outputs come into the notebook.

    Raises:
        nbclient.exceptions.CellExecutionError: where a cell raises.
    """
    # As in an activated virtual environment: `!tfadv` and `!python` are those of this Python.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    within = {"metadata": {"path": str(directory)}}
    plain = {"record_timing": False, "coalesce_streams": True}
    client = NotebookClient(notebook, timeout=1800, kernel_name="python3", resources=within, **plain)
    return client.execute(env=os.environ | {"PATH": path})


def without_logs(notebook: NotebookNode) -> None:
    """Take out what goes to stderr: TensorFlow's notes about the machine."""
    for cell in code_of(notebook):
        cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]


def main():
    notebook = nbformat.read(QUICKSTART, as_version=4)
    about = dict(notebook.metadata["language_info"])
    with tempfile.TemporaryDirectory() as directory:
        run(notebook, directory)
    without_logs(notebook)
    notebook.metadata["language_info"] = about  # as it was: the version of Python is that of the reader's kernel
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_seconds = round(used.ru_utime + used.ru_stime)
    notebook.metadata[RECORD] = {"sha256": digest(notebook), "cpu_seconds": cpu_seconds}
    files.write_text(QUICKSTART, nbformat.writes(notebook) + "\n")
    print(f"wrote {QUICKSTART.name}: {cpu_seconds} CPU seconds", file=sys.stderr)


if __name__ == "__main__":
    main()
