"""Transcripts of WSJ0 (LDC93S6A) as CHiME-4 needs them: those of the SI-84 training speech, from the `.dot` files of the discs.

Layout and markup are those of Kaldi's egs/chime4/s5_1ch/local (clean_wsj0_data_prep.sh looks for `*.dot` anywhere below the discs,
find_noisy_transcripts.pl takes an utterance's line by its lower-case WSJ name) and egs/wsj/s5/local/normalize_transcript.pl, after
the discs' own wsj0/transcrp/doc/dot_spec.doc. A line is 'words (utterance)'.
"""

import os
import re
from collections.abc import Iterable
from pathlib import Path

from kdse.core.errors import UserError
from kdse.core.files import read_text

_LINE = re.compile(r"(?P<words>.*?)\s*\((?P<utt>\w+)\)\s*")
_NOISE = re.compile(r"\[[<\w/]+[\w/>]*\]")  # [loud_breath], [<door_slam], [door_slam>], [phone_ring/], [/phone_ring]
_FRAGMENT = re.compile(r"[\w']*(\([\w']+\))?[\w']*-")  # compu(ter)-
_OTHER = re.compile(r"[^A-Z0-9']+")
QUOTE = "'SINGLE-QUOTE"


def words(text: str) -> str:
    r"""The words that were said, in upper case, with nothing but letters, digits and apostrophes.

    Noises, pauses (`.`), truncations (`~`) and fragments of words (`compu(ter)-`) are no words. Verbalised punctuation is: its mark
    goes, its name stays. What is marked as left out by the prompt (`<and>`), mispronounced (`*word*`), stressed (`!word`) or
    lengthened (`wo:rd`) was said.

    >>> words(r"I\. B\. M\. <and> [lip_smack] *others* ,COMMA didn't buy . compu(ter)- [<door_slam] twenty-one \%PERCENT --DASH")
    "I B M AND OTHERS COMMA DIDN'T BUY TWENTY ONE PERCENT DASH"
    """
    kept = []
    for word in text.upper().replace("\\", "").split():
        if word == "~" or _NOISE.fullmatch(word) or _FRAGMENT.fullmatch(word):
            continue
        if word.startswith(QUOTE):
            word = word[1:]
        if not word.startswith(":"):
            word = word.replace(":", "")
        kept += _OTHER.sub(" ", word).split()
    return " ".join(kept)


def read_dots(wsj0: Path, wanted: Iterable[str], part: str = "si_tr_s") -> dict[str, str]:
    """{utterance: transcript as it stands in the .dot files} of the utterances wanted (WSJ names in lower case).

    Args:
        wsj0: the discs, or a copy with the same folders; names in either case, as the discs were copied in both.
        part: the folder whose transcripts are meant.
    Raises: UserError where there are no such files, or a wanted utterance is in none.
    """
    wanted = set(wanted)
    files = sorted(
        Path(top) / name
        for top, _, names in os.walk(wsj0, followlinks=True)
        if part in (folder.lower() for folder in Path(top).relative_to(wsj0).parts)
        for name in names
        if name.lower().endswith(".dot")
    )
    if not files:
        raise UserError(f"there is no {part}/*/*.dot below {wsj0}; set WSJ0 in db.sh to the folder of the WSJ0 discs")
    transcripts: dict[str, str] = {}
    for path in files:
        for number, line in enumerate(read_text(path).splitlines(), 1):
            match = _LINE.fullmatch(line)
            if line.strip() and not match:
                raise UserError(f"{path}, line {number}: expected 'words (utterance)', got '{line.strip()}'")
            if match and (utt := match["utt"].lower()) in wanted:
                transcripts.setdefault(utt, match["words"])
    missing = next((utt for utt in sorted(wanted) if utt not in transcripts), None)
    if missing:
        raise UserError(f"no {part}/*/*.dot below {wsj0} has a line of utterance {missing}; is WSJ0 complete?")
    return transcripts
