"""Which speech of AN4, LibriSpeech and tables trains, which is for choices (dev), and which for the test.

No speaker is in two splits. Dev and test have texts that people wrote, because word errors are counted on them; training needs
no texts, so that those of machines will do.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kdse.core.errors import UserError, did_you_mean
from kdse.core.files import fingerprint
from kdse.data.corpora import an4 as official_an4
from kdse.data.corpora.librispeech import PUBLISHED, read_subset
from kdse.data.corpora.tables import Row, read_rows
from kdse.data.corpus import Utterance

LEAST_WORDS = 2
"""An utterance of dev or test has at least as many words: of one word alone a recogniser makes anything."""
Splits = dict[str, list[Utterance]]


@dataclass(frozen=True)
class Speech:
    """Where speech is, and whose is held out.

    Args:
        an4, librispeech: corpora in their official layouts.
        stand_ins: folders of `librispeech` that are not what their names say: training speech.
        tables: TSVs, see `kdse.data.corpora.tables`.
        dev_speakers, test_speakers: those of the tables that are not trained on.
        dev_utterances: how many of each of dev-clean and dev-other are taken, those whose names have the smallest hash; 0: all.
        byte_order: of AN4's .raw files.
    """

    an4: Path | None = None
    librispeech: Path | None = None
    stand_ins: Sequence[str] = ()
    tables: Sequence[Path] = ()
    dev_speakers: Sequence[str] = ()
    test_speakers: Sequence[str] = ()
    dev_utterances: int = 100
    byte_order: str = "auto"


def find_speech(speech: Speech, tell: Callable[[str], None]) -> Splits:
    """The utterances of train, dev and test. AN4's test part is the test where nothing else is.

    Args:
        tell: gets a sentence about what is left out.
    Raises: UserError where a split stays empty, a speaker to be held out is in no table, or a corpus is damaged.
    """
    splits: Splits = {"train": [], "dev": [], "test": []}
    an4 = official_an4.find_splits(speech.an4, speech.byte_order) if speech.an4 else {"train": [], "dev": [], "test": []}
    for part in (
        {"train": an4["train"], "dev": an4["dev"]},
        _librispeech(speech) if speech.librispeech else {},
        _tables(speech, tell),
    ):
        for split, utterances in part.items():
            splits[split] += utterances
    splits["test"] = splits["test"] or an4["test"]
    for split, wanted in (
        ("train", "--an4, --librispeech with a train folder, or --speech"),
        ("dev", "--an4, --librispeech with a dev folder, or --dev_speakers of --speech"),
        ("test", "--librispeech with test-other, --an4, or --test_speakers of --speech"),
    ):
        if not splits[split]:
            raise UserError(f"there is no speech for '{split}'; give {wanted} (AN4, LIBRISPEECH and SPEECH in db.sh)")
    _check_speakers(splits)
    return splits


def _librispeech(speech: Speech) -> Splits:
    """All train folders and the stand-ins, a sample of the dev folders, and test-other, as far as they are there."""
    present = [name for name in PUBLISHED if (speech.librispeech / name).is_dir()]
    if not present:
        raise UserError(
            f"{speech.librispeech} holds none of {', '.join(PUBLISHED)}; set LIBRISPEECH in db.sh to the folder that has them"
        )
    real = [name for name in present if name not in speech.stand_ins]
    chosen = {
        "train": [*(name for name in real if name.startswith("train-")), *speech.stand_ins],
        "dev": [name for name in real if name.startswith("dev-")],
        "test": [name for name in real if name == "test-other"],
    }
    splits: Splits = {}
    for split, names in chosen.items():
        splits[split] = []
        for name in names:
            utterances = [replace(u, subset=None) for u in read_subset(speech.librispeech, name)]
            splits[split] += _sample(utterances, speech.dev_utterances) if split == "dev" else utterances
    return splits


def _sample(utterances: list[Utterance], count: int) -> list[Utterance]:
    """Those whose names have the smallest hash, in their order, so that nobody chose them; 0: all."""
    if not count or len(utterances) <= count:
        return utterances
    chosen = set(sorted((u.utt for u in utterances), key=fingerprint)[:count])
    return [u for u in utterances if u.utt in chosen]


def _tables(speech: Speech, tell: Callable[[str], None]) -> Splits:
    rows = [row for table in speech.tables for row in read_rows(table)]
    split_of = dict.fromkeys(speech.dev_speakers, "dev") | dict.fromkeys(speech.test_speakers, "test")
    speakers = {row.utterance.speaker for row in rows}
    unknown = next((name for name in split_of if name not in speakers), None)
    if unknown is not None:
        raise UserError(f"no table of --speech has the speaker '{unknown}'{did_you_mean(unknown, speakers)} who is to be held out")
    both = next((name for name in speech.dev_speakers if name in speech.test_speakers), None)
    if both is not None:
        raise UserError(f"the speaker '{both}' is to be held out for dev and for test; choose one")
    splits: Splits = {"train": [], "dev": [], "test": []}
    unusable = 0
    for row in rows:
        split = split_of.get(row.utterance.speaker, "train")
        if split == "train" or _countable(row):
            splits[split].append(row.utterance)
        else:
            unusable += 1
    if unusable:
        tell(f"{unusable} utterances of held-out speakers are left out: a machine wrote the text, or it is one word")
    return splits


def _countable(row: Row) -> bool:
    """Whether word errors may be counted on a line of a table."""
    return row.human and len(row.utterance.text.split()) >= LEAST_WORDS


def _check_speakers(splits: Splits) -> None:
    """Raise UserError where a speaker is in two splits: names of different collections may clash."""
    split_of: dict[str, str] = {}
    for split, utterances in splits.items():
        for speaker in _speakers(utterances):
            if split_of.setdefault(speaker, split) != split:
                raise UserError(f"the speaker '{speaker}' is in '{split_of[speaker]}' and in '{split}'; rename one in its table")


def _speakers(utterances: Iterable[Utterance]) -> list[str]:
    return list(dict.fromkeys(u.speaker for u in utterances))
