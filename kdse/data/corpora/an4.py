"""CMU AN4 in its official layout: etc/an4_{train,test}.{fileids,transcription}, wav/an4_clstk, wav/an4test_clstk.

The corpus is given away as SPHERE (.sph) and as headerless 16-bit samples (.raw) in either byte order; copies as FLAC or WAV are
read too. Its licence is in its own folder: http://www.speech.cs.cmu.edu/databases/an4/
"""

import argparse
import re
from dataclasses import replace
from pathlib import Path

from kdse.core.errors import UserError
from kdse.core.files import read_text
from kdse.core.progress import say
from kdse.data.audio import guess_byte_order
from kdse.data.corpora.options import path_or
from kdse.data.corpus import Listing, Utterance, write_corpus
from kdse.data.noise import NOISE_HELP, find_noises

DEV_SPEAKERS = ("fbbh", "fjam", "mcel", "mgah", "mmaf", "mnjl", "mtje")
"""Held out of the 74 training speakers: two of 21 women and five of 53 men, the share in the corpus, those whose names have the
smallest SHA-256, so that nobody chose them by ear. None is one of a pair like mdcs and mdcs2, who may be one person."""
SUFFIXES = (".sph", ".raw", ".flac", ".wav")
BYTE_ORDERS = {"big": ">i2", "little": "<i2"}
_TRANSCRIPT = re.compile(r"(?P<words>.*?)\s*\((?P<utt>\S+)\)\s*")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    folder = path_or("set AN4= (the corpus, with etc/ and wav/) and NOISE= (a folder or a TSV) in db.sh")
    parser.add_argument("--an4", type=folder, required=True, metavar="DIR", help="the corpus, with etc/ and wav/")
    parser.add_argument("--noise", type=folder, required=True, metavar="DIR_OR_TSV", help=NOISE_HELP)
    parser.add_argument("--byte_order", choices=("auto", *BYTE_ORDERS), default="auto", help="of .raw files (default: auto)")


def inputs(**options) -> dict:
    """What the data dirs depend on, for deciding whether to run again."""
    return {**find(**options).fingerprints(), "byte_order": options["byte_order"]}


def prepare(data_dir: Path, nj: int, **options) -> None:
    """Write data_dir/{train,dev,test} and data_dir/noise.tsv, all of them or none."""
    listing = find(**options)
    sample_types = {u.raw for u in listing.splits["train"] if u.raw}
    if sample_types:
        say(f"data an4: .raw files are read as {'big' if sample_types == {'>i2'} else 'little'}-endian")
    write_corpus(data_dir, listing, nj)


def find(an4: Path, noise: Path, byte_order: str = "auto") -> Listing:
    """List the utterances of each split, and the noises."""
    return Listing(find_splits(an4, byte_order), find_noises(noise))


def find_splits(an4: Path, byte_order: str = "auto") -> dict[str, list[Utterance]]:
    """The utterances of train, dev and test."""
    official, test = (_with_byte_order(read_list(an4, part), byte_order) for part in ("train", "test"))
    dev = [u for u in official if u.speaker in DEV_SPEAKERS]
    train = [u for u in official if u.speaker not in DEV_SPEAKERS]
    if not dev or not train:
        raise UserError(f"{an4} holds none, or only, of the dev speakers {', '.join(DEV_SPEAKERS)}; is it complete?")
    return {"train": train, "dev": dev, "test": test}


def read_list(an4: Path, part: str) -> list[Utterance]:
    """The utterances of 'train' or 'test', in the order of the official list."""
    fileids, transcription = (an4 / "etc" / f"an4_{part}.{kind}" for kind in ("fileids", "transcription"))
    for path in (fileids, transcription):
        if not path.is_file():
            raise UserError(f"{an4} is not AN4 in its official layout: there is no {path}; set AN4 in db.sh")
    words = _transcripts(transcription)
    utterances: dict[str, Utterance] = {}
    for number, line in enumerate(read_text(fileids).splitlines(), 1):
        if not line.strip():
            continue
        where, fileid = f"{fileids}, line {number}", Path(line.strip())
        utt = fileid.name
        if utt in utterances:
            raise UserError(f"{where}: utterance {utt} is given twice")
        if utt not in words:
            raise UserError(f"{where}: utterance {utt} has no line in an4_{part}.transcription")
        candidates = (an4 / "wav" / f"{fileid}{suffix}" for suffix in SUFFIXES)
        audio = next((path for path in candidates if path.is_file()), None)
        if audio is None:
            raise UserError(f"{where}: the audio of utterance {utt} is missing ({an4 / 'wav' / fileid}{{{','.join(SUFFIXES)}}})")
        utterances[utt] = Utterance(utt, fileid.parent.name, str(audio), words[utt])
    unlisted = next((utt for utt in words if utt not in utterances), None)
    if unlisted:
        raise UserError(f"{fileids}: utterance {unlisted} of an4_{part}.transcription is not in the list")
    if not utterances:
        raise UserError(f"{fileids} is empty")
    return list(utterances.values())


def _transcripts(path: Path) -> dict[str, str]:
    """'<s> WORDS </s> (utterance)' lines as {utterance: 'WORDS'}."""
    words: dict[str, str] = {}
    for number, line in enumerate(read_text(path).splitlines(), 1):
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


def _with_byte_order(utterances: list[Utterance], byte_order: str) -> list[Utterance]:
    """Set the sample type of headerless files. A corpus comes in one byte order, so the first few files must agree on it."""
    headerless = [u for u in utterances if u.path.endswith(".raw")]
    if not headerless:
        return utterances
    kinds = {BYTE_ORDERS.get(byte_order) or guess_byte_order(Path(u.path).read_bytes()) for u in headerless[:20]}
    if len(kinds) > 1:
        raise UserError(f"cannot tell the byte order of .raw files like {headerless[0].path}; give --byte_order big or little")
    (kind,) = kinds
    return [replace(u, raw=kind) if u.path.endswith(".raw") else u for u in utterances]
