"""What every corpus that is found on disk has in common: its utterances are checked and written as data dirs, all or none."""

from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from kdse.data.audio import RATE, ArkWriter
from kdse.data.datadir import check_speech, in_processes, write_tables
from kdse.data.noise import SPLITS, Noise, check_noises, to_tsv
from kdse.errors import UserError
from kdse.files import atomic_dir, atomic_path, fingerprint
from kdse.progress import say


@dataclass(frozen=True)
class Utterance:
    """One recording and what is said in it.

    Args:
        utt, speaker: ids without spaces; `utt` is unique in its split.
        path: 16 kHz mono audio.
        text: the transcript, words separated by single spaces.
        raw: for a headerless file its sample type, '<i2' or '>i2'.
    """

    utt: str
    speaker: str
    path: str
    text: str
    raw: str | None = None


def state(splits: dict[str, list[Utterance]], noises: list[Noise]) -> dict:
    """What the data dirs depend on: changes with a transcript, a file's name or size, a split or a noise."""
    utterances = [u for split in SPLITS for u in splits[split]]
    return {
        "transcripts": fingerprint({split: [asdict(u) for u in splits[split]] for split in SPLITS}),
        "audio": fingerprint([Path(u.path).stat().st_size for u in utterances]),
        "noise": fingerprint([to_tsv(noises), *(Path(n.path).stat().st_size for n in noises)]),
    }


def write_corpus(data_dir: Path, splits: dict[str, list[Utterance]], noises: list[Noise], nj: int) -> None:
    """Check all audio, then write data_dir/{train,dev,test} and data_dir/noise.tsv.

    Raises: UserError naming file and utterance where audio is missing, truncated, silent, NaN, stereo or of another rate, where a
        transcript is empty, an utterance is given twice, or a split is empty; nothing is written then.
    """
    check_noises(noises, nj)
    with ExitStack() as stack:
        for split in SPLITS:
            _check_ids(split, splits[split])
            _write(stack.enter_context(atomic_dir(data_dir / split)), data_dir / split, splits[split], nj)
        stack.enter_context(atomic_path(data_dir / "noise.tsv")).write_text(to_tsv(noises), encoding="utf-8")


def _check_ids(split: str, utterances: list[Utterance]) -> None:
    if not utterances:
        raise UserError(f"the corpus has no utterance for the split '{split}'")
    seen: dict[str, str] = {}
    for u in utterances:
        if u.utt in seen:
            raise UserError(f"utterance {u.utt} is given twice ({seen[u.utt]} and {u.path})")
        if not u.text.split():
            raise UserError(f"utterance {u.utt} has an empty transcript ({u.path})")
        seen[u.utt] = u.path


def _write(folder: Path, final: Path, utterances: list[Utterance], nj: int) -> None:
    """Fill one data dir. Headerless files become an archive, because a path alone would not say what they are."""
    tables: dict[str, dict[str, str]] = {"wav.scp": {}, "text": {}, "utt2spk": {}}
    total = 0
    with ExitStack() as stack:
        raw = any(u.raw for u in utterances)
        ark = stack.enter_context(ArkWriter(folder / "wav.ark", final / "wav.ark")) if raw else None
        for u, (length, samples) in zip(utterances, in_processes(_check, utterances, nj, f"check {final}"), strict=True):
            tables["wav.scp"][u.utt] = ark.add(u.utt, samples) if ark and u.raw else str(Path(u.path).resolve())
            tables["text"][u.utt] = u.text
            tables["utt2spk"][u.utt] = u.speaker
            total += length
    write_tables(folder, tables)
    say(f"{final}: {len(utterances)} utterances, {len({u.speaker for u in utterances})} speakers, {total / RATE / 60:.1f} min")


def _check(u: Utterance) -> tuple[int, np.ndarray | None]:
    samples = check_speech(u.path, u.utt, raw=u.raw)
    return len(samples), samples if u.raw else None
