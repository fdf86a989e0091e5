"""PocketSphinx (Huggins-Daines et al., ICASSP 2006), a recogniser of hidden Markov models, with the models of its own package."""

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kdse.errors import UserError
from kdse.files import read_text
from kdse.progress import say
from kdse.recognisers import Hypothesis, Options, Recogniser, lacks


@dataclass(frozen=True)
class PocketSphinxOptions(Options):
    """conf/decode/pocketsphinx.yaml only overrides these values.

    Attributes:
        words: a `text` of transcripts, such as data/train/text: nothing but their words can be heard, in any order, each the more
            likely the more often it occurs (a unigram). '' for the package's own dictionary and its trigram language model.
    """

    words: str = ""


class PocketSphinx(Recogniser):
    """PocketSphinx with its US English models.

    Raises: UserError where the package is missing, or `words` cannot be read or has no word that the dictionary knows.
    """

    Options = PocketSphinxOptions

    def __init__(self, options: PocketSphinxOptions):
        super().__init__(options)
        try:
            from pocketsphinx import Decoder
        except ImportError as e:
            raise lacks("pocketsphinx", "pocketsphinx", e) from e
        self.decode = "unigram_grammar" if options.words else "trigram_lm"
        self._decoder = Decoder(samprate=16000, loglevel="FATAL", **({"lm": None} if options.words else {}))
        if options.words:
            self._decoder.add_jsgf_string("words", self._grammar(Path(options.words)))
            self._decoder.activate_search("words")

    def _grammar(self, path: Path) -> str:
        """A loop over the words of a `text`, weighted by their counts; words that the dictionary lacks are named and left out."""
        counts = Counter(word.lower() for line in read_text(path).splitlines() for word in line.split()[1:])
        known = {word: n for word, n in counts.items() if self._decoder.lookup_word(word) is not None}
        if not known:
            raise UserError(f"{path} has no transcript with a word that the dictionary of PocketSphinx knows")
        unknown = sorted(counts.keys() - known)
        if unknown:
            say(f"pocketsphinx: its dictionary lacks {len(unknown)} words of {path}, never heard: {', '.join(unknown[:10])}")
        choice = " | ".join(f"/{n / sum(known.values()):.6f}/ {word}" for word, n in sorted(known.items()))
        return f"#JSGF V1.0;\ngrammar words;\npublic <said> = ( {choice} )+ ;\n"

    def transcribe(self, waves: list[np.ndarray]) -> list[Hypothesis]:
        return [self._transcribe(wave) for wave in waves]

    def _transcribe(self, wave: np.ndarray) -> Hypothesis:
        from kdse.data.audio import to_int16

        self._decoder.reinit_feat()  # its running mean of the cepstra would carry what was heard before into the next utterance
        self._decoder.start_utt()
        self._decoder.process_raw(to_int16(wave).tobytes(), no_search=False, full_utt=True)
        self._decoder.end_utt()
        found = self._decoder.hyp()
        if found is None:
            return Hypothesis("")
        words = re.sub(r"\(\d+\)|<[^>]*>|\[[^\]]*\]", "", found.hypstr)  # other pronunciations, silence, noise
        return Hypothesis(" ".join(words.split()), float(found.score))
