"""What Whisper hears in clean speech, as token ids: what its decoder is asked about in training."""

from pathlib import Path

import numpy as np

from kdse.core.errors import UserError
from kdse.core.files import write_text
from kdse.core.progress import progress
from kdse.data.audio import FULL_SCALE, RATE
from kdse.data.pack import Pack
from kdse.recognisers.whisper import SHORT_WINDOWS, Whisper, WhisperOptions, without_loop
from kdse.training.data import by_length

AT_ONCE = 16
LONGEST = 29.0
"""Seconds of an utterance: Whisper has positions for 30, and hears half a second of silence behind it, and some in front."""


def check_lengths(dump: Path, sets: tuple[str, ...] = ("train", "dev")) -> None:
    """Raise UserError for an utterance that is longer than Whisper hears at once: better before an hour of work than in it."""
    for name in sets:
        speech = Pack(dump / "pack" / f"speech_{name}")
        longest = max(speech.clean, key=speech.length)
        if speech.length(longest) > LONGEST * RATE:
            seconds = speech.length(longest) / RATE
            raise UserError(f"Whisper teaches on utterances of {LONGEST:g} s at most, and {longest} of {name} has {seconds:.1f} s")


def write_hypotheses(backend: Path, dump: Path, out: Path, sets: tuple[str, ...] = ("train", "dev")) -> None:
    """Write `out`/hypotheses_<set>, a line of token ids for each clean utterance; the end alone where nothing was heard."""
    whisper = Whisper(WhisperOptions(model=str(backend), **SHORT_WINDOWS))
    for name in sets:
        speech = Pack(dump / "pack" / f"speech_{name}")
        lines = []
        for batch in progress(by_length(speech, AT_ONCE), f"hypotheses {name}"):
            waves = [speech[utt].astype(np.float32) / np.float32(FULL_SCALE) for utt in batch]
            for utt, (ids, _) in zip(batch, whisper.token_ids(waves), strict=True):
                lines.append(f"{utt} {' '.join(map(str, without_loop(ids) or [whisper.end]))}\n")
        write_text(out / f"hypotheses_{name}", "".join(sorted(lines)))
