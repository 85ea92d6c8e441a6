"""In goes how much is done, out comes how much time is left: a bar, or a line in a notebook."""

import sys
import time

from tqdm import tqdm

LINE: dict = {}  # {what asked a notebook to run a cell: the line of that cell}
BAR = "{desc}: {percentage:3.0f}% |{bar}| {elapsed} gone, {remaining} left{postfix}"


class Progress:
    """Shows how much of `total` work has been done, from `with` to the end of the block.

    In a notebook all work of a cell shares a line, which ends empty, so that a run's outputs do not
    depend on its speed; the lines in between carry the metadata "progress", by which a headless run
    recognises them and shows them in the terminal.
    """

    def __init__(self, total: float, title: str):
        self.total, self.title = total, title
        self.done, self.started = 0.0, time.monotonic()
        # the first items are the slowest: no time left is told of them alone
        self.shown = self.started

    def __enter__(self):
        if in_notebook():
            from IPython import get_ipython
            from IPython.display import display

            asked = get_ipython().get_parent()["header"]["msg_id"]  # a tester counts no cells
            if asked not in LINE:
                LINE.clear()
                # empty at first too: a tester sees this alone
                LINE[asked] = display({"text/plain": ""}, raw=True, display_id=True)
            self.handle = LINE[asked]
            self._tell(self.title)
        else:
            often = 0.1 if sys.stderr.isatty() else 10  # seconds: a log keeps every line
            self.bar = tqdm(
                total=self.total,
                desc=self.title,
                bar_format=BAR,
                leave=False,
                delay=1,
                mininterval=often,
            )
        return self

    def __exit__(self, *_):
        if in_notebook():
            self.handle.update({"text/plain": ""}, raw=True)
        else:
            self.bar.close()

    def advance(self, work: float, note: str = ""):
        """Count `work` more as done; `note` says what is going on."""
        self.done += work
        now = time.monotonic()
        if not in_notebook():
            self.bar.set_postfix_str(note, refresh=False)
            self.bar.update(work)
        elif now - self.shown > 1:
            self.shown = now
            self._tell(line(self.title, self.done / self.total, now - self.started, note))

    def _tell(self, text):
        self.handle.update({"text/plain": text}, raw=True, metadata={"progress": True})


def in_notebook() -> bool:
    """Whether this runs in a kernel behind a notebook."""
    ipython = sys.modules.get("IPython")
    return bool(ipython and hasattr(ipython.get_ipython(), "kernel"))


def line(title: str, share: float, seconds: float, note: str = "") -> str:
    """In words: `share` (0 to 1) of the work took `seconds`."""
    left = round(seconds * (1 - share) / max(share, 1e-9))
    return (
        f"{title}: {note + ', ' if note else ''}{share:.0%} done, {left // 60}:{left % 60:02} left"
    )
