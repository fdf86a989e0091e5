"""Score rows of a comparison, `rows.jsonl.gz`: one for each system, recogniser and recording, as `kdse.scoring.row` has them."""

from collections.abc import Iterator, Sequence

from kdse.compare.quality import Scores
from kdse.compare.recognisers import Listener, Transcripts
from kdse.compare.recordings import NOISY, Recording
from kdse.scoring.metrics import METRICS, SCORES
from kdse.scoring.missing import NO_TOKENS
from kdse.scoring.spoken import has_case, spoken
from kdse.scoring.words import normalise

SET = NOISY
"""The one set of a comparison."""
NO_RECOGNISER = "none"
"""In rows of recordings whose words nobody knows."""


def rows_of(
    corpus: str,
    systems: Sequence[tuple[str, str, int | None]],
    recordings: Sequence[Recording],
    scores: dict[str, dict[str, Scores]],
    heard: dict[Listener, Transcripts],
) -> Iterator[dict]:
    """Yield every row.

    Args:
        corpus: what the recordings are called.
        systems: (name, kind, parameters).
        scores: {system: {key: scores}}; a system has those of the recordings that it was given.
        heard: {recogniser: its words}; {} where there is nothing to compare words with.
    """
    for name, kind, parameters in systems:
        about = {"corpus": corpus, "set": SET, "run": name, "approach": kind, "seed": None, "student": None, "teacher": None}
        about |= {"params": parameters, "omega": 0.0}
        here = [recording for recording in recordings if recording.key in scores[name]]
        for listener, transcripts in (heard or {None: None}).items():
            texts = _texts(listener, here, transcripts.words[name]) if listener else {r.key: ("", "") for r in here}
            decode = transcripts.decode if listener else NO_RECOGNISER
            for recording in here:
                values, missing = scores[name][recording.key]
                ref, hyp = texts[recording.key]
                yield {
                    **about,
                    "backend": listener.name if listener else NO_RECOGNISER,
                    "decode": decode,
                    "utt": recording.utt,
                    "speaker": recording.speaker,
                    "category": None,
                    "noise": recording.noise,
                    "snr": recording.snr,
                    "ref": ref,
                    "hyp": hyp,
                    **{metric.counts: metric.function(ref, hyp) for metric in METRICS.values() if metric.counts},
                    **dict.fromkeys(SCORES),
                    **values,
                    "missing": {**missing, "token_error_rate": NO_TOKENS},
                }


def _texts(listener: Listener, recordings: Sequence[Recording], words: dict[str, str]) -> dict[str, tuple[str, str]]:
    """{key: (reference, hypothesis)} in the form in which errors are counted. A recogniser that writes digits is compared with a
    text whose digits are said the same way."""
    found = {}
    if listener.writes_freely:
        case, case_of_text = has_case(words.values()), has_case(r.text or "" for r in recordings)
    for recording in recordings:
        ref, hyp = recording.text or "", words[recording.key]
        if listener.writes_freely:
            ref, hyp = spoken(ref, case_of_text), spoken(hyp, case)
        found[recording.key] = normalise(ref), normalise(hyp)
    return found
