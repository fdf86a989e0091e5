"""CMU AN4 in its official layout: etc/an4_{train,test}.{fileids,transcription}, wav/an4_clstk, wav/an4test_clstk.

The corpus is given away as SPHERE (.sph) and as headerless 16-bit samples (.raw) in either byte order; copies as FLAC or WAV are
read too. Its licence is in its own folder: http://www.speech.cs.cmu.edu/databases/an4/
"""

import argparse
import re
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from kdse.data.audio import RATE, ArkWriter, guess_byte_order
from kdse.data.datadir import check_speech, in_processes, write_tables
from kdse.data.noise import NOISE_HELP, check_noises, find_noises, to_tsv
from kdse.errors import UserError
from kdse.files import atomic_dir, atomic_path, fingerprint, sha256
from kdse.progress import say

DEV_SPEAKERS = ("fbbh", "fjam", "mcel", "mgah", "mmaf", "mnjl", "mtje")
"""Held out of the 74 training speakers: two of 21 women and five of 53 men, the share in the corpus, those whose names have the
smallest SHA-256, so that nobody chose them by ear. None is one of a pair like mdcs and mdcs2, who may be one person."""
SUFFIXES = (".sph", ".raw", ".flac", ".wav")
BYTE_ORDERS = {"big": ">i2", "little": "<i2"}
_TRANSCRIPT = re.compile(r"(?P<words>.*?)\s*\((?P<utt>\S+)\)\s*")


@dataclass(frozen=True)
class Utterance:
    """One line of the corpus: where its audio is and what is said."""

    utt: str
    speaker: str
    path: Path
    text: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--an4", type=Path, required=True, metavar="DIR", help="the corpus, with etc/ and wav/")
    parser.add_argument("--noise", type=Path, required=True, metavar="DIR_OR_TSV", help=NOISE_HELP)
    parser.add_argument("--byte_order", choices=("auto", *BYTE_ORDERS), default="auto", help="of .raw files (default: auto)")


def inputs(an4: Path, noise: Path, byte_order: str) -> dict:
    """What the data dirs depend on, for deciding whether to run again."""
    lists = [an4 / "etc" / f"an4_{part}.{kind}" for part in ("train", "test") for kind in ("fileids", "transcription")]
    for path in lists:
        if not path.is_file():
            raise UserError(f"{an4} is not AN4 in its official layout: there is no {path}; set AN4 in db.sh")
    audio = {str(p.relative_to(an4)): p.stat().st_size for p in sorted((an4 / "wav").rglob("*.*"))}
    noises = find_noises(noise)
    return {
        "an4": str(an4.resolve()),
        "lists": fingerprint([sha256(path) for path in lists]),
        "audio": fingerprint(audio),
        "noise": fingerprint([to_tsv(noises), *(Path(n.path).stat().st_size for n in noises)]),
        "byte_order": byte_order,
        "dev_speakers": DEV_SPEAKERS,
    }


def prepare(data_dir: Path, nj: int, an4: Path, noise: Path, byte_order: str = "auto") -> None:
    """Write data_dir/{train,dev,test} and data_dir/noise.tsv, all of them or none."""
    noises = find_noises(noise)
    official = read_list(an4, "train")
    splits = {
        "train": [u for u in official if u.speaker not in DEV_SPEAKERS],
        "dev": [u for u in official if u.speaker in DEV_SPEAKERS],
        "test": read_list(an4, "test"),
    }
    if not splits["dev"] or not splits["train"]:
        raise UserError(f"{an4} holds none, or only, of the dev speakers {', '.join(DEV_SPEAKERS)}; is it complete?")
    raw = _byte_order([u.path for u in official if u.path.suffix == ".raw"], byte_order)
    check_noises(noises, nj)
    with ExitStack() as stack:
        for split, utterances in splits.items():
            folder = stack.enter_context(atomic_dir(data_dir / split))
            _write(folder, data_dir / split, utterances, raw, nj)
        stack.enter_context(atomic_path(data_dir / "noise.tsv")).write_text(to_tsv(noises), encoding="utf-8")


def read_list(an4: Path, part: str) -> list[Utterance]:
    """The utterances of 'train' or 'test', in the order of the official list."""
    words = _transcripts(an4 / "etc" / f"an4_{part}.transcription")
    fileids = an4 / "etc" / f"an4_{part}.fileids"
    found: dict[str, Utterance] = {}
    for number, line in enumerate(fileids.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        where, fileid = f"{fileids}, line {number}", Path(line.strip())
        utt = fileid.name
        if utt in found:
            raise UserError(f"{where}: utterance {utt} is given twice")
        if utt not in words:
            raise UserError(f"{where}: utterance {utt} has no line in an4_{part}.transcription")
        paths = [p for suffix in SUFFIXES if (p := an4 / "wav" / f"{fileid}{suffix}").is_file()]
        if not paths:
            raise UserError(f"{where}: the audio of utterance {utt} is missing ({an4 / 'wav' / fileid}{{{','.join(SUFFIXES)}}})")
        found[utt] = Utterance(utt, fileid.parent.name, paths[0].resolve(), words[utt])
    lost = next((utt for utt in words if utt not in found), None)
    if lost:
        raise UserError(f"{fileids}: utterance {lost} of an4_{part}.transcription is not in the list")
    if not found:
        raise UserError(f"{fileids} is empty")
    return list(found.values())


def _transcripts(path: Path) -> Mapping[str, str]:
    """'<s> WORDS </s> (utterance)' lines as {utterance: 'WORDS'}."""
    words: dict[str, str] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        match = _TRANSCRIPT.fullmatch(line)
        if not match:
            raise UserError(f"{path}, line {number}: expected '<s> WORDS </s> (utterance)', got '{line.strip()}'")
        utt = match["utt"]
        if utt in words:
            raise UserError(f"{path}, line {number}: utterance {utt} is given twice")
        words[utt] = " ".join(word for word in match["words"].split() if word not in ("<s>", "</s>"))
        if not words[utt]:
            raise UserError(f"{path}, line {number}: utterance {utt} has an empty transcript")
    return words


def _byte_order(paths: list[Path], asked: str) -> str:
    """The sample type of the .raw files; all of a corpus come in one order, so the first few must agree."""
    if asked != "auto" or not paths:
        return BYTE_ORDERS.get(asked, "<i2")
    votes = {guess_byte_order(path.read_bytes()) for path in paths[:20]}
    if len(votes) > 1:
        raise UserError(f"cannot tell the byte order of the .raw files beside {paths[0]}; give --byte_order big or little")
    order = votes.pop()
    say(f"data an4: .raw files are {'big' if order == '>i2' else 'little'}-endian, told from their samples")
    return order


def _write(folder: Path, final: Path, utterances: list[Utterance], raw: str, nj: int) -> None:
    """Fill one data dir. Headerless files become an archive, because a path alone would not say what they are."""
    jobs = [(u, raw if u.path.suffix == ".raw" else None) for u in utterances]
    tables: dict[str, dict[str, str]] = {"wav.scp": {}, "text": {}, "utt2spk": {}}
    total = 0
    with ExitStack() as stack:
        ark = stack.enter_context(ArkWriter(folder / "wav.ark", final / "wav.ark")) if any(kind for _, kind in jobs) else None
        for (u, kind), (length, samples) in zip(jobs, in_processes(_check, jobs, nj, f"check {final}"), strict=True):
            tables["wav.scp"][u.utt] = ark.add(u.utt, samples) if ark and kind else str(u.path)
            tables["text"][u.utt] = u.text
            tables["utt2spk"][u.utt] = u.speaker
            total += length
    write_tables(folder, tables)
    say(f"{final}: {len(utterances)} utterances, {len({u.speaker for u in utterances})} speakers, {total / RATE / 60:.1f} min")


def _check(job: tuple[Utterance, str | None]):
    utterance, raw = job
    samples = check_speech(str(utterance.path), utterance.utt, raw=raw)
    return len(samples), samples if raw else None
