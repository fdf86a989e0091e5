"""What every corpus that is found on disk has in common: its utterances are checked and written as data dirs, all or none."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kdse.data.audio import RATE, ArkWriter
from kdse.data.datadir import check_speech, in_processes, write_tables
from kdse.data.expected import Expected
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
        subset: where parts are scored apart, the corpus's own name of its part, like 'test-other'; for dev and test it begins so.
    """

    utt: str
    speaker: str
    path: str
    text: str
    raw: str | None = None
    subset: str | None = None


def state(splits: dict[str, list[Utterance]], noises: list[Noise]) -> dict:
    """What the data dirs depend on: changes with a transcript, a file's name or size, a split or a noise."""
    utterances = [u for split in SPLITS for u in splits[split]]
    return {
        "transcripts": fingerprint({split: [_given(u) for u in splits[split]] for split in SPLITS}),
        "audio": fingerprint([Path(u.path).stat().st_size for u in utterances]),
        "noise": fingerprint([to_tsv(noises), *(Path(n.path).stat().st_size for n in noises)]),
    }


def _given(u: Utterance) -> dict:
    """What is known of an utterance; a corpus without subsets keeps the fingerprint it had before there were any."""
    return {key: value for key, value in vars(u).items() if key != "subset" or value}


def write_corpus(
    data_dir: Path,
    splits: dict[str, list[Utterance]],
    noises: list[Noise],
    nj: int,
    check: Callable[[str, Expected], None] | None = None,
) -> None:
    """Check all audio, then write data_dir/{train,dev,test} and data_dir/noise.tsv.

    Args:
        check: is told what each subset holds, and raises UserError where that is not what was published (`check_expected`).
    Raises: UserError naming file and utterance where audio is missing, truncated, silent, NaN, stereo or of another rate, where a
        transcript is empty, an utterance is given twice, or a split is empty; nothing is written then.
    """
    check_noises(noises, nj)
    with ExitStack() as stack:
        for split in SPLITS:
            _check_ids(split, splits[split])
            lengths = _write(stack.enter_context(atomic_dir(data_dir / split)), data_dir / split, splits[split], nj)
            for subset, found in counts(splits[split], lengths).items():
                if check:
                    check(subset, found)
        stack.enter_context(atomic_path(data_dir / "noise.tsv")).write_text(to_tsv(noises), encoding="utf-8")


def counts(utterances: list[Utterance], lengths: list[int] | None = None) -> dict[str, Expected]:
    """{subset: what was found of it}; hours where `lengths` (samples) are known."""
    parts: dict[str, list[tuple[str, int]]] = {}
    for u, length in zip(utterances, lengths or [0] * len(utterances), strict=True):
        parts.setdefault(u.subset or "", []).append((u.speaker, length))
    hours = {subset: sum(n for _, n in part) / RATE / 3600 if lengths else None for subset, part in parts.items()}
    return {subset: Expected(len(part), len({speaker for speaker, _ in part}), hours[subset]) for subset, part in parts.items()}


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


def _write(folder: Path, final: Path, utterances: list[Utterance], nj: int) -> list[int]:
    """Fill one data dir; return the samples of each utterance. Headerless files become an archive, because a path alone would not
    say what they are."""
    tables: dict[str, dict[str, str]] = {"wav.scp": {}, "text": {}, "utt2spk": {}}
    lengths = []
    with ExitStack() as stack:
        raw = any(u.raw for u in utterances)
        ark = stack.enter_context(ArkWriter(folder / "wav.ark", final / "wav.ark")) if raw else None
        for u, (length, samples) in zip(utterances, in_processes(_check, utterances, nj, f"check {final}"), strict=True):
            tables["wav.scp"][u.utt] = ark.add(u.utt, samples) if ark and u.raw else str(Path(u.path).resolve())
            tables["text"][u.utt] = u.text
            tables["utt2spk"][u.utt] = u.speaker
            if u.subset:
                tables.setdefault("utt2subset", {})[u.utt] = u.subset
            lengths.append(length)
    write_tables(folder, tables)
    minutes = sum(lengths) / RATE / 60
    say(f"{final}: {len(utterances)} utterances, {len({u.speaker for u in utterances})} speakers, {minutes:.1f} min")
    return lengths


def _check(u: Utterance) -> tuple[int, np.ndarray | None]:
    samples = check_speech(u.path, u.utt, raw=u.raw)
    return len(samples), samples if u.raw else None
