"""LibriSpeech in its official layout: SUBSET/SPEAKER/CHAPTER/S-C-NNNN.flac and S-C.trans.txt.

Panayotov, Chen, Povey, Khudanpur: Librispeech, an ASR corpus based on public domain audio books, ICASSP 2015; CC BY 4.0,
https://www.openslr.org/12
"""

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

from kdse.core.errors import UserError
from kdse.core.files import fingerprint, read_text, write_text
from kdse.data.corpora.options import path_or
from kdse.data.corpus import Listing, Utterance, write_corpus
from kdse.data.download import fetch, unpack
from kdse.data.noise import NOISE_HELP, NOISE_TEST_HELP, find_noises
from kdse.data.published import ALLOW_PARTIAL_HELP, Counts, Published
from kdse.data.rirs import RIRS_HELP, find_rirs, to_tsv

PUBLISHED = {
    "train-clean-100": Counts(28539, 251, 100.6),
    "train-clean-360": Counts(104014, 921, 363.6),
    "train-other-500": Counts(148688, 1166, 496.7),
    "dev-clean": Counts(2703, 40, 5.4),
    "dev-other": Counts(2864, 33, 5.12),
    "test-clean": Counts(2620, 40, 5.4),
    "test-other": Counts(2939, 33, 5.34),
}
"""Hours and speakers as in the paper's table 1, but that it gives dev-other 5.3 and test-other 5.1 hours: the released sets hold
5.12 and 5.34 (2,864 utterances of 102,996 samples in the mean, 2,939 of 104,686), as if the two had been interchanged. The paper
has no utterance counts; these are of the released archives, as other toolkits state them too."""
MD5 = {
    "train-clean-100": "2a93770f6d5c6c964bc36631d331a522",
    "train-clean-360": "c0e676e450a7ff2f54aeade5171606fa",
    "train-other-500": "d1a0fd59409feb2c614ce4d30c387708",
    "dev-clean": "42e2234ba48799c1f50f24a7926300a1",
    "dev-other": "c8d0bcc9cca99d4f8b62fcc847357931",
    "test-clean": "32fa31d27d2e1cad72775fee3f4849a9",
    "test-other": "fb5a50374b501bb3bac4815ee91d3135",
}
"""Of SUBSET.tar.gz, from https://www.openslr.org/resources/12/md5sum.txt"""
URL = "https://www.openslr.org/resources/12"
TRAIN = {"100": ("train-clean-100",), "460": ("train-clean-100", "train-clean-360")}
TRAIN["960"] = (*TRAIN["460"], "train-other-500")
_LINE = re.compile(r"(?P<utt>\d+-\d+-\d+) +(?P<words>\S.*)")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    folder = path_or("set LIBRISPEECH= (the folder with train-clean-100) and NOISE= (a folder or a TSV) in db.sh")
    parser.add_argument(
        "--librispeech", type=folder, required=True, metavar="DIR", help="the folder with train-clean-100 and so on"
    )
    parser.add_argument("--noise", type=folder, required=True, metavar="DIR_OR_TSV", help=NOISE_HELP)
    parser.add_argument("--noise_test", type=Path, metavar="DIR_OR_TSV", help=NOISE_TEST_HELP)
    parser.add_argument("--rirs", type=Path, metavar="DIR", help=RIRS_HELP)
    parser.add_argument("--hours", choices=TRAIN, default="100", help="of training speech (default: 100)")
    parser.add_argument("--allow_partial", action="store_true", help=ALLOW_PARTIAL_HELP)
    parser.add_argument("--download", action="store_true", help="fetch the subsets that are missing (6 GB; 60 GB for 960 hours)")
    parser.add_argument("--url", default=URL, help="where their archives are, a mirror or file:///folder (default: %(default)s)")


def inputs(download: bool = False, url: str = URL, rirs: Path | None = None, **options) -> dict:
    """What the data dirs depend on, for deciding whether to run again. What is to be downloaded is downloaded first."""
    if download:
        fetch_missing(options["librispeech"], options["hours"], url)
    return {
        **find(**options).fingerprints(),
        "hours": options["hours"],
        "allow_partial": options["allow_partial"],
        "rirs": fingerprint(to_tsv(find_rirs(rirs))) if rirs else None,
    }


def prepare(data_dir: Path, nj: int, download: bool = False, url: str = URL, rirs: Path | None = None, **options) -> None:
    """Write data_dir/{train,dev,test} and data_dir/noise.tsv, all of them or none, and data_dir/rirs.tsv where there are `rirs`.

    Raises: UserError where a subset does not hold what was published, unless `allow_partial`.
    """
    listing, rooms = find(**options), find_rirs(rirs) if rirs else []
    write_corpus(data_dir, listing, nj, Published(PUBLISHED, str(options["librispeech"]), options["allow_partial"]))
    if rooms:
        write_text(data_dir / "rirs.tsv", to_tsv(rooms))
    else:
        (data_dir / "rirs.tsv").unlink(missing_ok=True)


def subsets(hours: str) -> dict[str, tuple[str, ...]]:
    """{split: LibriSpeech's names of its parts}."""
    return {"train": TRAIN[hours], "dev": ("dev-clean", "dev-other"), "test": ("test-clean", "test-other")}


def find(
    librispeech: Path, noise: Path, noise_test: Path | None = None, hours: str = "100", allow_partial: bool = False
) -> Listing:
    """List the utterances of each split, and the noises."""
    splits: dict[str, list[Utterance]] = {}
    for split, names in subsets(hours).items():
        splits[split] = [u for name in names for u in read_subset(librispeech, name)]
    return Listing(splits, find_noises(noise, noise_test))


def read_subset(librispeech: Path, subset: str) -> Iterator[Utterance]:
    """The utterances of one subset, by speaker, chapter and number.

    Raises: UserError naming file, line and utterance where transcripts and audio do not fit.
    """
    folder = librispeech / subset
    if not folder.is_dir():
        raise UserError(
            f"there is no {folder}; set LIBRISPEECH in db.sh to the folder that holds it, or download it with --download true"
        )
    chapters = sorted(folder.glob("*/*/"))
    if not chapters:
        raise UserError(f"{folder} holds no SPEAKER/CHAPTER folders; it is not LibriSpeech in its official layout")
    for chapter in chapters:
        yield from _read_chapter(chapter, subset)


def _read_chapter(chapter: Path, subset: str) -> Iterator[Utterance]:
    speaker, table = chapter.parent.name, chapter / f"{chapter.parent.name}-{chapter.name}.trans.txt"
    audio = {path.stem: path for path in sorted(chapter.glob("*.flac"))}
    if not table.is_file():
        raise UserError(f"{subset}: there is no {table}, the transcripts of {len(audio)} utterances")
    for number, line in enumerate(read_text(table).splitlines(), 1):
        match = _LINE.fullmatch(line.strip())
        if not match or not match["utt"].startswith(f"{speaker}-{chapter.name}-"):
            raise UserError(f"{table}, line {number}: expected '{speaker}-{chapter.name}-NNNN WORDS', got '{line.strip()}'")
        path = audio.pop(match["utt"], None)
        if path is None:
            raise UserError(f"{table}, line {number}: the audio of utterance {match['utt']} is missing, or it is given twice")
        yield Utterance(match["utt"], speaker, str(path), " ".join(match["words"].split()), subset=subset)
    if audio:
        raise UserError(f"{table}: utterance {next(iter(audio))} has no line, but audio")


def fetch_missing(librispeech: Path, hours: str, url: str) -> None:
    """Download and unpack the subsets that are not there; their archives are removed when they are unpacked."""
    for names in subsets(hours).values():
        for subset in names:
            if not (librispeech / subset).exists():
                archive = librispeech / f"{subset}.tar.gz"
                fetch(f"{url}/{archive.name}", archive, MD5[subset])
                unpack(archive, f"LibriSpeech/{subset}", librispeech / subset)
                archive.unlink()
