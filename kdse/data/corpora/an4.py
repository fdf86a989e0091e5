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
from kdse.data.corpus import Utterance, state, write_corpus
from kdse.data.noise import NOISE_HELP, Noise, find_noises

DEV_SPEAKERS = ("fbbh", "fjam", "mcel", "mgah", "mmaf", "mnjl", "mtje")
"""Held out of the 74 training speakers: two of 21 women and five of 53 men, the share in the corpus, those whose names have the
smallest SHA-256, so that nobody chose them by ear. None is one of a pair like mdcs and mdcs2, who may be one person."""
SUFFIXES = (".sph", ".raw", ".flac", ".wav")
BYTE_ORDERS = {"big": ">i2", "little": "<i2"}
_TRANSCRIPT = re.compile(r"(?P<words>.*?)\s*\((?P<utt>\S+)\)\s*")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--an4", type=_given, required=True, metavar="DIR", help="the corpus, with etc/ and wav/")
    parser.add_argument("--noise", type=_given, required=True, metavar="DIR_OR_TSV", help=NOISE_HELP)
    parser.add_argument("--byte_order", choices=("auto", *BYTE_ORDERS), default="auto", help="of .raw files (default: auto)")


def _given(text: str) -> Path:
    if not text:
        raise argparse.ArgumentTypeError("set AN4= (the corpus, with etc/ and wav/) and NOISE= (a folder or a TSV) in db.sh")
    return Path(text)


def inputs(**options) -> dict:
    """What the data dirs depend on, for deciding whether to run again."""
    return {**state(*find(**options)), "byte_order": options["byte_order"]}


def prepare(data_dir: Path, nj: int, **options) -> None:
    """Write data_dir/{train,dev,test} and data_dir/noise.tsv, all of them or none."""
    splits, noises = find(**options)
    kinds = {u.raw for u in splits["train"] if u.raw}
    if kinds:
        say(f"data an4: .raw files are read as {'big' if kinds == {'>i2'} else 'little'}-endian")
    write_corpus(data_dir, splits, noises, nj)


def find(an4: Path, noise: Path, byte_order: str = "auto") -> tuple[dict[str, list[Utterance]], list[Noise]]:
    """List the utterances of each split, and the noises."""
    official, test = (_with_samples(read_list(an4, part), byte_order) for part in ("train", "test"))
    dev = [u for u in official if u.speaker in DEV_SPEAKERS]
    train = [u for u in official if u.speaker not in DEV_SPEAKERS]
    if not dev or not train:
        raise UserError(f"{an4} holds none, or only, of the dev speakers {', '.join(DEV_SPEAKERS)}; is it complete?")
    return {"train": train, "dev": dev, "test": test}, find_noises(noise)


def read_list(an4: Path, part: str) -> list[Utterance]:
    """The utterances of 'train' or 'test', in the order of the official list."""
    fileids, transcription = (an4 / "etc" / f"an4_{part}.{kind}" for kind in ("fileids", "transcription"))
    for path in (fileids, transcription):
        if not path.is_file():
            raise UserError(f"{an4} is not AN4 in its official layout: there is no {path}; set AN4 in db.sh")
    words = _transcripts(transcription)
    found: dict[str, Utterance] = {}
    for number, line in enumerate(read_text(fileids).splitlines(), 1):
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
        found[utt] = Utterance(utt, fileid.parent.name, str(paths[0]), words[utt])
    lost = next((utt for utt in words if utt not in found), None)
    if lost:
        raise UserError(f"{fileids}: utterance {lost} of an4_{part}.transcription is not in the list")
    if not found:
        raise UserError(f"{fileids} is empty")
    return list(found.values())


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


def _with_samples(utterances: list[Utterance], byte_order: str) -> list[Utterance]:
    """Say of headerless files what their samples are. A corpus comes in one byte order, so the first few files must agree on it."""
    headerless = [u for u in utterances if u.path.endswith(".raw")]
    kinds = {BYTE_ORDERS.get(byte_order) or guess_byte_order(Path(u.path).read_bytes()) for u in headerless[:20]}
    if len(kinds) > 1:
        raise UserError(f"cannot tell the byte order of .raw files like {headerless[0].path}; give --byte_order big or little")
    return [replace(u, raw=next(iter(kinds))) if u.path.endswith(".raw") else u for u in utterances]
