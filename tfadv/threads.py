"""Work in threads of its own, which a Ctrl-C in the main thread need not wait for."""

import threading


class Future:
    """What a function returns or raises in a thread of its own.

    >>> Future(lambda: 6 * 7).result()
    42
    """

    def __init__(self, function):
        self.value, self.error = None, None
        self.thread = threading.Thread(target=self._run, args=(function,), daemon=True)
        self.thread.start()

    def _run(self, function):
        try:
            self.value = function()
        except BaseException as error:  # raised again where the result is asked for
            self.error = error

    def wait(self, seconds=None):
        """Whether it is done, after so many seconds at the latest."""
        self.thread.join(seconds)
        return not self.thread.is_alive()

    def result(self):
        """What the function returned, as soon as it has; raises what it raised."""
        self.wait()
        if self.error is not None:
            raise self.error
        return self.value
