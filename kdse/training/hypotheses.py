"""What Whisper hears in clean speech, as token ids: what its decoder is asked about in training."""

from pathlib import Path

import numpy as np

from kdse.core.files import write_text
from kdse.core.progress import progress
from kdse.data.audio import FULL_SCALE
from kdse.data.pack import Pack
from kdse.recognisers.whisper import SHORT_WINDOWS, Whisper, WhisperOptions, without_loop

AT_ONCE = 16


def write_hypotheses(backend: Path, dump: Path, out: Path, sets: tuple[str, ...] = ("train", "dev")) -> None:
    """Write `out`/hypotheses_<set>, a line of token ids for each clean utterance; the end alone where nothing was heard."""
    whisper = Whisper(WhisperOptions(model=str(backend), **SHORT_WINDOWS))
    for name in sets:
        speech = Pack(dump / "pack" / f"speech_{name}")
        utts = sorted(speech.clean, key=lambda utt: (speech.length(utt), utt))
        batches = [utts[first : first + AT_ONCE] for first in range(0, len(utts), AT_ONCE)]
        lines = []
        for batch in progress(batches, f"hypotheses {name}", len(batches)):
            waves = [speech[utt].astype(np.float32) / np.float32(FULL_SCALE) for utt in batch]
            for utt, (ids, _) in zip(batch, whisper.token_ids(waves), strict=True):
                lines.append(f"{utt} {' '.join(map(str, without_loop(ids) or [whisper.end]))}\n")
        write_text(out / f"hypotheses_{name}", "".join(sorted(lines)))
