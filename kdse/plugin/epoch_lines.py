"""What the user sees of ESPnet's trainer: one line per epoch, or a bar; everything else goes into a log file."""

import contextlib
import logging
import re
import time
from collections.abc import Iterable
from pathlib import Path

from kdse.core.progress import say, terminal


def shown(numbers: Iterable[str]) -> list[str]:
    """The names that a line shows of an epoch's numbers: the loss, error rates, and each term of the loss.

    >>> shown(["l_r", "l_new", "token_error_rate", "grad_ratio", "cer_ctc", "loss"])
    ['loss', 'cer_ctc', 'l_r', 'l_new', 'token_error_rate']
    """
    names = list(numbers)
    terms = [name for name in names if name.startswith("l_")]
    return [name for name in ("loss", "cer_ctc", "acc", *terms, "token_error_rate") if name in names]


class EpochLines(logging.Handler):
    """Turns ESPnet's report of an epoch into one short line with the time left, or a bar on a terminal."""

    PATTERN = re.compile(r"(\d+)epoch results: \[train\] (.*?), \[valid\] (.*)")

    def __init__(self, name: str, epochs: int):
        super().__init__(logging.INFO)
        self.name_, self.epochs, self.bar = name, epochs, None
        self.start, self.before = time.monotonic(), None  # epochs that an earlier run had finished
        screen = terminal()
        if screen is not None:
            from tqdm import tqdm

            self.bar = tqdm(total=epochs, desc=name, unit="epoch", leave=False, file=screen, dynamic_ncols=True)

    def emit(self, record: logging.LogRecord) -> None:
        report = self.PATTERN.search(record.getMessage())
        if not report:
            return
        epoch = int(report[1])
        self.before = epoch - 1 if self.before is None else self.before
        train, valid = (dict(re.findall(r"(\w+)=(nan|-?inf|[-+\d.e]+)", part)) for part in report.groups()[1:])
        rate = (time.monotonic() - self.start) / (epoch - self.before)
        dev = ", ".join(f"{name} {float(valid[name]):.3g}" for name in shown(valid))
        if self.bar is not None:
            self.bar.update(epoch - self.bar.n)
            self.bar.set_postfix_str(dev)
            return
        left = (self.epochs - epoch) * rate / 60
        loss = f"train loss {float(train['loss']):.3g}, dev {dev}"
        say(f"{self.name_}: epoch {epoch}/{self.epochs}, {loss}; {rate:.0f} s each, {left:.1f} min left")


@contextlib.contextmanager
def training_logs(path: Path, name: str, epochs: int):
    """Send ESPnet's log and its prints to `path`, epoch lines to the user; restore everything afterwards."""
    root = logging.getLogger()
    lines = EpochLines(name, epochs)
    with open(path, "a", encoding="utf-8") as file:
        log = logging.StreamHandler(file)
        log.setFormatter(logging.Formatter("%(asctime)s (%(module)s:%(lineno)d) %(levelname)s: %(message)s"))
        before, level = root.handlers[:], root.level
        root.handlers[:] = [log, lines]
        root.setLevel(logging.INFO)
        try:
            with contextlib.redirect_stderr(file):
                yield
        finally:
            root.handlers[:] = before
            root.setLevel(level)
            if lines.bar is not None:
                lines.bar.close()
