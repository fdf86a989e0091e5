"""What the user sees of ESPnet's trainer: one line per epoch, or a bar; everything else goes into a log file."""

import contextlib
import logging
import re
import time
from pathlib import Path

from kdse.core.progress import say, terminal


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
        found = self.PATTERN.search(record.getMessage())
        if not found:
            return
        epoch = int(found[1])
        self.before = epoch - 1 if self.before is None else self.before
        train, valid = (dict(re.findall(r"(\w+)=(nan|-?inf|[-+\d.e]+)", part)) for part in found.groups()[1:])
        rate = (time.monotonic() - self.start) / (epoch - self.before)
        shown = [k for k in ("loss", "cer_ctc", "l_r", "l_e", "l_d", "l_q", "l_t", "token_error_rate") if k in valid]
        dev = ", ".join(f"{k} {float(valid[k]):.3g}" for k in shown)
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
