"""Speech and noises of several collections, to train front ends that are to work anywhere: the shipped student's corpus.

AN4, LibriSpeech and tables of speech, each as far as it is given (`speech.py` says who is in which split); noises of any number
of folders and tables, of which training hears those with an allowed licence, and noises that are made (`noises.py`); rooms that
are given or made (`rooms.py`), where a mix wants them.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from kdse.core.errors import UserError
from kdse.core.files import fingerprint, write_text
from kdse.core.progress import say
from kdse.data.corpora.an4 import BYTE_ORDERS
from kdse.data.corpora.general.noises import make_noises
from kdse.data.corpora.general.rooms import make_rooms
from kdse.data.corpora.general.speech import Speech, find_speech
from kdse.data.corpora.options import path_or
from kdse.data.corpora.tables import COLUMNS
from kdse.data.corpus import Listing, write_corpus
from kdse.data.noise import NOISE_HELP, NOISE_TEST_HELP, SPLITS, Noise, find_noises
from kdse.data.rirs import RIRS_HELP, find_rirs, to_tsv

EDITION = 1
"""To be raised by whoever changes how a made noise or room sounds, so that stage 1 runs again."""
STAND_INS = ("dev-clean", "dev-other", "test-clean")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add, folder = parser.add_argument, path_or("set NOISE= (folders or TSVs) in db.sh")
    add("--an4", type=Path, metavar="DIR", help="AN4, with etc/ and wav/: training and dev speech, and the test without another")
    add("--librispeech", type=Path, metavar="DIR", help="the folder with train-clean-100 and so on; test-other is the test")
    stand_ins = "folders of --librispeech that are no official ones, but cut from training speech: they are trained on"
    add("--stand_ins", nargs="*", default=[], choices=STAND_INS, metavar="SUBSET", help=stand_ins)
    tables = f"tables of speech with the columns {', '.join(COLUMNS)} and, where machines wrote texts, text_source"
    add("--speech", type=Path, nargs="*", default=[], metavar="TSV", help=tables)
    for split in ("dev", "test"):
        add(f"--{split}_speakers", nargs="*", default=[], metavar="NAME", help=f"speakers of --speech held out for {split}")
    dev_utterances = "of each of dev-clean and dev-other (default: %(default)s; 0: all)"
    add("--dev_utterances", type=int, default=Speech.dev_utterances, metavar="N", help=dev_utterances)
    add("--noise", type=folder, nargs="+", required=True, metavar="DIR_OR_TSV", help=NOISE_HELP)
    add("--noise_test", type=Path, metavar="DIR_OR_TSV", help=NOISE_TEST_HELP)
    licences = "of a TSV with the column licence, training hears noises with one of these alone (default: all)"
    add("--licences", nargs="*", default=[], metavar="TEXT", help=licences)
    add("--synthetic", type=int, default=60, metavar="N", help="noises made for training (default: %(default)s)")
    add("--rirs", type=Path, metavar="DIR", help=RIRS_HELP)
    add("--rooms", type=int, default=200, metavar="N", help="room responses made, for a mix with rir_prob (default: %(default)s)")
    add("--byte_order", choices=("auto", *BYTE_ORDERS), default="auto", help="of AN4's .raw files (default: auto)")


def inputs(synthetic: int, rooms: int, rirs: Path | None = None, **options) -> dict:
    """What the data dirs depend on, for deciding whether to run again."""
    made = {"synthetic": synthetic, "rooms": rooms, "edition": EDITION}
    return {**find(**options).fingerprints(), **made, "rirs": fingerprint(to_tsv(find_rirs(rirs))) if rirs else None}


def prepare(data_dir: Path, nj: int, synthetic: int, rooms: int, rirs: Path | None = None, **options) -> None:
    """Write data_dir/{train,dev,test}, data_dir/noise.tsv and data_dir/noise, the noises that are made; rooms likewise."""
    listing, given = find(**options, tell=_tell), find_rirs(rirs) if rirs else []
    noises = make_noises(data_dir / "noise", listing.noises, listing.splits["train"], synthetic, nj)
    write_corpus(data_dir, replace(listing, noises=noises), nj)
    if rooms:
        given += make_rooms(data_dir / "rooms", rooms, nj)
    if given:
        write_text(data_dir / "rirs.tsv", to_tsv(given))
    else:
        (data_dir / "rirs.tsv").unlink(missing_ok=True)
    _tell(", ".join(f"{sum(noise.split == split for noise in noises)} noises of split '{split}'" for split in SPLITS))


def find(
    noise: Sequence[Path],
    noise_test: Path | None = None,
    licences: Sequence[str] = (),
    speech: Sequence[Path] = (),
    tell: Callable[[str], None] = lambda sentence: None,
    **of_speech,
) -> Listing:
    """List the utterances of each split, and the noises before any is made.

    Args:
        tell: gets sentences about what is left out.
    """
    splits = find_speech(Speech(tables=speech, **of_speech), tell)
    return Listing(splits, allowed(find_noises(noise, noise_test), licences, tell))


def allowed(noises: list[Noise], licences: Sequence[str], tell: Callable[[str], None]) -> list[Noise]:
    """The noises without those of split 'train' whose table names another licence.

    Dev and test noises stay: they are only measured with.
    """
    kept, left_out = [], []
    for noise in noises:
        fits = noise.split != "train" or not noise.licence or not licences or noise.licence in licences
        (kept if fits else left_out).append(noise)
    if left_out:
        tell(f"{len(left_out)} training noises are left out for their licence ({'; '.join(sorted({n.licence for n in left_out}))})")
    if not any(noise.split == "train" for noise in kept):
        raise UserError(f"no training noise has one of the licences '{', '.join(licences)}'; write them as the tables do")
    return kept


def _tell(sentence: str) -> None:
    say(f"data general: {sentence}")
