"""What corpora on disk have in common: their utterances are listed, checked, and written as data dirs, all or none."""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from kdse.core.atomic import atomic_dir, atomic_path
from kdse.core.errors import UserError
from kdse.core.files import fingerprint, fingerprint_of_lists
from kdse.core.parallel import in_processes
from kdse.core.progress import say
from kdse.data.audio import RATE, ArkWriter
from kdse.data.datadir import check_speech, write_tables
from kdse.data.noise import SPLITS, Noise, check_noises, to_tsv
from kdse.data.published import Counts, Published

SLACK = 160
"""Samples by which a clean reference may be longer or shorter than its mixture, where somebody's framing rounded it."""
OPTIONAL = ("subset", "category", "clean", "noise", "orig")
"""Fields of `Utterance` that most corpora leave empty."""
OPTIONAL_TABLES = {"subset": "utt2subset", "category": "utt2category", "noise": "utt2noise", "orig": "utt2orig"}


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


@dataclass(frozen=True)
class Listing:
    """What a corpus holds, before its audio is read.

    Args:
        splits: utterances of train and dev, and of test where stage 2 is to make test sets of them.
        noises: to mix them with.
        official_sets: {set: its utterances}, where the corpus brings sets that it is tested on.
    """

    splits: Mapping[str, list[Utterance]]
    noises: list[Noise]
    official_sets: Mapping[str, list[Utterance]] = field(default_factory=dict)

    def data_dirs(self) -> dict[str, list[Utterance]]:
        """{data dir: its utterances}; that of an official set is sets/<set>."""
        dirs = {split: self.splits[split] for split in SPLITS if split in self.splits}
        return dirs | {f"sets/{name}": utterances for name, utterances in self.official_sets.items()}

    def fingerprints(self) -> dict[str, str]:
        """What the data dirs depend on: changes with a transcript, a file's name or size, a split or a noise."""
        parts = {Path(name).name: utterances for name, utterances in self.data_dirs().items()}
        sizes = []
        for utterances in parts.values():
            for u in utterances:
                sizes += [Path(path).stat().st_size for path in (u.path, u.clean) if path]
        return {
            "transcripts": fingerprint_of_lists({name: map(_fields, utterances) for name, utterances in parts.items()}),
            "audio": fingerprint(sizes),
            "noise": fingerprint([to_tsv(self.noises), *(Path(n.path).stat().st_size for n in self.noises)]),
        }


def _fields(u: Utterance) -> dict[str, Any]:
    """An utterance for the fingerprint. Empty optional fields are left out, as corpora were before these fields existed."""
    return {name: value for name, value in asdict(u).items() if name not in OPTIONAL or value}


def write_corpus(data_dir: Path, listing: Listing, nj: int, published: Published | None = None) -> None:
    """Check all audio, then write the data dirs of a listing and data_dir/noise.tsv.

    Args:
        published: what the corpus is to hold.
    Raises: UserError naming file and utterance where audio is missing, truncated, silent, NaN, stereo or of another rate, where a
        transcript is empty, an utterance is given twice, a split is empty, or a subset holds another number than was published.
        Nothing is written then.
    """
    if published and not published.allow_partial:  # before hours of audio are read
        for utterances in listing.data_dirs().values():
            published.check(count_subsets(utterances))
    check_noises(listing.noises, nj)
    with ExitStack() as stack:
        for name, utterances in listing.data_dirs().items():
            final = data_dir / name
            _check_ids(final.name, utterances)
            lengths = _write_datadir(stack.enter_context(atomic_dir(final)), final, utterances, nj)
            if published:
                published.check(count_subsets(utterances, lengths))
        stack.enter_context(atomic_path(data_dir / "noise.tsv")).write_text(to_tsv(listing.noises), encoding="utf-8")


def count_subsets(utterances: list[Utterance], lengths: list[int] | None = None) -> dict[str, Counts]:
    """{subset: how much of it there is}, utterances without one left out; hours where `lengths` (samples) are given."""
    speakers: dict[str, list[str]] = {}
    samples: dict[str, int] = {}
    for u, length in zip(utterances, lengths or [0] * len(utterances), strict=True):
        if u.subset:
            speakers.setdefault(u.subset, []).append(u.speaker)
            samples[u.subset] = samples.get(u.subset, 0) + length
    hours = {subset: total / RATE / 3600 if lengths else None for subset, total in samples.items()}
    return {subset: Counts(len(names), len(set(names)), hours[subset]) for subset, names in speakers.items()}


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


def _write_datadir(folder: Path, final: Path, utterances: list[Utterance], nj: int) -> list[int]:
    """Fill one data dir; return the samples of each utterance."""
    tables: dict[str, dict[str, str]] = {}
    lengths = []
    with ExitStack() as stack:
        arks: dict[str, ArkWriter] = {}

        def source(kind: str, u: Utterance, path: str, samples: np.ndarray | None) -> str:
            if samples is None:
                return str(Path(path).resolve())
            if kind not in arks:
                arks[kind] = stack.enter_context(ArkWriter(folder / f"{kind}.ark", final / f"{kind}.ark"))
            return arks[kind].add(u.utt, samples)

        for u, audio in zip(utterances, in_processes(_check_audio, utterances, nj, f"check {final}"), strict=True):
            row = {"wav.scp": source("wav", u, u.path, audio.wav), "text": u.text, "utt2spk": u.speaker}
            if u.clean:
                row["spk1.scp"] = source("spk1", u, u.clean, audio.clean)
            for name, table in OPTIONAL_TABLES.items():
                if getattr(u, name):
                    row[table] = getattr(u, name)
            for table, value in row.items():
                tables.setdefault(table, {})[u.utt] = value
            lengths.append(audio.length)
    write_tables(folder, tables)
    minutes = sum(lengths) / RATE / 60
    say(f"{final}: {len(utterances)} utterances, {len({u.speaker for u in utterances})} speakers, {minutes:.1f} min")
    return lengths


@dataclass(frozen=True, slots=True)
class _Audio:
    """What was read of an utterance: its samples' number, and the signals that must be copied, int16 (N,).

    A headerless file is copied, because a path alone would not say what it is; a clean signal is where it was cut or padded.
    """

    length: int
    wav: np.ndarray | None = None
    clean: np.ndarray | None = None


def _check_audio(u: Utterance) -> _Audio:
    samples = check_speech(u.path, u.utt, raw=u.raw)
    clean = None
    if u.clean and u.clean != u.path:
        clean = _fitted(u, len(samples))
    return _Audio(len(samples), samples if u.raw else None, clean)


def _fitted(u: Utterance, length: int) -> np.ndarray | None:
    """The clean signal of an item cut or padded to its length; None where it has that length."""
    clean = check_speech(u.clean, u.utt)
    if len(clean) == length:
        return None
    if abs(len(clean) - length) > SLACK:
        raise UserError(f"{u.clean} has {len(clean)} samples, but {u.path}, whose clean signal it is to be, has {length}")
    return np.pad(clean, (0, max(0, length - len(clean))))[:length]
