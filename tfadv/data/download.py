"""Download through TFDS, which by itself would try for minutes where there is no network."""

import contextlib
import os
import socket
import sys
import textwrap
import threading
import urllib.parse
import urllib.request

from tfadv.errors import TfadvError

PATIENCE = 3.0  # seconds for a connection
RETRIES = 2  # TFDS' own 10 wait for 200 s in all


def download(name, url, directory):
    """Download and prepare a data set of TFDS in a directory; what TFDS prints goes to stderr.

    Raises:
        TfadvError: if the host does not answer within seconds, the directory cannot be written or TFDS fails.
    """
    _make(directory)
    if not reachable(url):
        host = urllib.parse.urlsplit(url).hostname
        raise TfadvError(
            f"cannot download {name!r}: no connection to {host} within {PATIENCE:g} s; connect to a network, "
            f"or copy the prepared folder {name}/ from another machine into {str(directory)!r}."
        )
    with contextlib.redirect_stdout(sys.stderr):
        _prepare(name, directory)


def reachable(url):
    """Whether the host of a URL (or the proxy that stands before it) accepts a connection within PATIENCE."""
    parts = urllib.parse.urlsplit(url)
    proxy = None if urllib.request.proxy_bypass(parts.hostname) else urllib.request.getproxies().get(parts.scheme)
    if proxy:
        parts = urllib.parse.urlsplit(proxy if "//" in proxy else f"//{proxy}")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    answers = []
    # In a thread: a resolver without an answer may hang far longer than the connection's time-out.
    probe = threading.Thread(target=_connect, args=(parts.hostname, port, answers), daemon=True)
    probe.start()
    probe.join(2 * PATIENCE)
    return bool(answers)


def _connect(host, port, answers):
    with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=PATIENCE):
        answers.append(True)


def _make(directory):
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(directory, error.strerror) from error
    if not os.access(directory, os.W_OK):
        raise _unwritable(directory, "permission denied")


def _unwritable(directory, reason):
    return TfadvError(
        f"cannot write to the data directory {str(directory)!r} ({reason}): choose another one with TFDS_DATA_DIR."
    )


def _prepare(name, directory):
    import tensorflow_datasets as tfds
    from tensorflow_datasets.core.download import downloader

    downloader.MAX_RETRIES = RETRIES
    try:
        builder = tfds.builder(name, data_dir=directory)
        # Without Google's bucket of prepared data: where it is blocked, asking it hangs.
        builder.download_and_prepare(download_config=tfds.download.DownloadConfig(try_download_gcs=False))
    # requests, checksum, archive and file errors alike: the user mends them all the same way.
    except Exception as error:
        reason = textwrap.shorten(str(error), 200, placeholder=" ...")
        raise TfadvError(
            f"cannot download {name!r} into {str(directory)!r} ({type(error).__name__}: {reason}); "
            f"try `tfadv data prepare {name}` again."
        ) from error
