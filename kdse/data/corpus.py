"""What every corpus that is found on disk has in common: its utterances are checked and written as data dirs, all or none."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from kdse.core.errors import UserError
from kdse.core.files import atomic_dir, atomic_path, fingerprint, fingerprint_of_lists
from kdse.core.parallel import in_processes
from kdse.core.progress import say
from kdse.data.audio import RATE, ArkWriter
from kdse.data.datadir import check_speech, write_tables
from kdse.data.expected import Expected
from kdse.data.noise import SPLITS, Noise, check_noises, to_tsv


@dataclass(frozen=True, slots=True)
class Utterance:
    """One recording and what is said in it.

    Args:
        utt, speaker: ids without spaces; `utt` is unique in its split.
        path: 16 kHz mono audio.
        text: the transcript, words separated by single spaces.
        raw: for a headerless file its sample type, '<i2' or '>i2'.
        subset: where parts are scored apart, the corpus's own name of its part, like 'test-other'; for dev and test it begins so.
        category: CLEAN, SIMU or REAL, see `kdse.data.datadir`; None where all of the corpus is clean.
        clean: of a simulated item its clean signal, as long as the item up to 10 ms.
        noise: of a simulated or real item what is heard beside speech.
        orig: of a simulated item the utterance that it shares with others, which intervals must not count as several.
    """

    utt: str
    speaker: str
    path: str
    text: str
    raw: str | None = None
    subset: str | None = None
    category: str | None = None
    clean: str | None = None
    noise: str | None = None
    orig: str | None = None


def state(splits: dict[str, list[Utterance]], noises: list[Noise], ready: dict[str, list[Utterance]] | None = None) -> dict:
    """What the data dirs depend on: changes with a transcript, a file's name or size, a split or a noise."""
    parts = {split: splits[split] for split in SPLITS if split in splits} | (ready or {})
    files = [path for part in parts.values() for u in part for path in (u.path, u.clean) if path]
    return {
        "transcripts": fingerprint_of_lists({name: map(_given, part) for name, part in parts.items()}),
        "audio": fingerprint([Path(path).stat().st_size for path in files]),
        "noise": fingerprint([to_tsv(noises), *(Path(n.path).stat().st_size for n in noises)]),
    }


RECORDED = ("subset", "category", "clean", "noise", "orig")


def _given(u: Utterance) -> dict:
    """What is known of an utterance; a corpus without subsets or recordings keeps the fingerprint it had before there were any."""
    return {key: value for key, value in asdict(u).items() if key not in RECORDED or value}


def write_corpus(
    data_dir: Path,
    splits: dict[str, list[Utterance]],
    noises: list[Noise],
    nj: int,
    check: Callable[[str, Expected], None] | None = None,
    ready: Mapping[str, list[Utterance]] | None = None,
) -> None:
    """Check all audio, then write data_dir/{train,dev,test} and data_dir/noise.tsv.

    Args:
        splits: train and dev, and test where stage 2 is to make test sets of it.
        ready: {set: its items}, where the corpus brings sets that it is tested on; written to data_dir/sets/<set>.
        check: is told what each subset holds, and raises UserError where that is not what was published (`check_expected`).
    Raises: UserError naming file and utterance where audio is missing, truncated, silent, NaN, stereo or of another rate, where a
        transcript is empty, an utterance is given twice, or a split is empty; nothing is written then.
    """
    check_noises(noises, nj)
    with ExitStack() as stack:
        given = [(data_dir / split, splits[split]) for split in SPLITS if split in splits]
        for final, utterances in [*given, *((data_dir / "sets" / name, items) for name, items in (ready or {}).items())]:
            _check_ids(final.name, utterances)
            lengths = _write(stack.enter_context(atomic_dir(final)), final, utterances, nj)
            for subset, found in counts(utterances, lengths).items():
                if check and subset:
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


SLACK = 160
"""Samples by which a clean reference may be longer or shorter than its mixture, where somebody's framing rounded it."""


def _write(folder: Path, final: Path, utterances: list[Utterance], nj: int) -> list[int]:
    """Fill one data dir; return the samples of each utterance. Headerless files become an archive, because a path alone would not
    say what they are."""
    tables: dict[str, dict[str, str]] = {"wav.scp": {}, "text": {}, "utt2spk": {}}
    lengths = []
    with ExitStack() as stack:
        arks: dict[str, ArkWriter] = {}

        def kept(kind: str, u: Utterance, path: str, samples: np.ndarray | None) -> str:
            if samples is None:
                return str(Path(path).resolve())
            if kind not in arks:
                arks[kind] = stack.enter_context(ArkWriter(folder / f"{kind}.ark", final / f"{kind}.ark"))
            return arks[kind].add(u.utt, samples)

        for u, (length, samples, clean) in zip(utterances, in_processes(_check, utterances, nj, f"check {final}"), strict=True):
            tables["wav.scp"][u.utt] = kept("wav", u, u.path, samples)
            tables["text"][u.utt] = u.text
            tables["utt2spk"][u.utt] = u.speaker
            for name in RECORDED:
                if name != "clean" and getattr(u, name):
                    tables.setdefault(f"utt2{name}", {})[u.utt] = getattr(u, name)
            if u.clean:
                tables.setdefault("spk1.scp", {})[u.utt] = kept("spk1", u, u.clean, clean)
            lengths.append(length)
    write_tables(folder, tables)
    minutes = sum(lengths) / RATE / 60
    say(f"{final}: {len(utterances)} utterances, {len({u.speaker for u in utterances})} speakers, {minutes:.1f} min")
    return lengths


def _check(u: Utterance) -> tuple[int, np.ndarray | None, np.ndarray | None]:
    """Samples of an utterance, and what of it and of its clean signal cannot stay the file that it is."""
    samples = check_speech(u.path, u.utt, raw=u.raw)
    return len(samples), samples if u.raw else None, _fitted(u, len(samples)) if u.clean and u.clean != u.path else None


def _fitted(u: Utterance, length: int) -> np.ndarray | None:
    """The clean signal of an item cut or padded to its length; None where it has that length."""
    clean = check_speech(u.clean, u.utt)
    if len(clean) == length:
        return None
    if abs(len(clean) - length) > SLACK:
        raise UserError(f"{u.clean} has {len(clean)} samples, but {u.path}, whose clean signal it is to be, has {length}")
    return np.pad(clean, (0, max(0, length - len(clean))))[:length]
