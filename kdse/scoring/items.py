"""What a fixed set holds, and what stage 8 wrote of it: items, hypotheses, token errors."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kdse.core.errors import UserError
from kdse.core.files import read_yaml
from kdse.data.datadir import REAL, DataDir, read_table
from kdse.scoring.spoken import has_case, spoken
from kdse.scoring.words import normalise


@dataclass(frozen=True)
class SetItem:
    """One item of a fixed set. `utt` is the utterance that several items share; `snr` in dB, None where clean or real; `clean` is
    None where a recording has no clean reference."""

    utt: str
    speaker: str
    category: str | None
    noise: str | None
    snr: float | None
    ref: str
    noisy: str
    clean: str | None


def read_items(folder: Path) -> dict[str, SetItem]:
    """Read a fixed set: {item id: its item}.

    Raises: UserError where the set was not made, a file is missing or the ids of two files differ.
    """
    data = DataDir(folder)
    if "spk1.scp" not in data:
        _check_recordings(data)

    def value(table: str, key: str) -> str | None:
        return data[table].get(key) if table in data else None

    return {
        key: SetItem(
            utt=value("utt2orig", key) or key,
            speaker=data["utt2spk"][key],
            category=value("utt2category", key),
            noise=value("utt2noise", key),
            snr=_snr(value("utt2snr", key), folder / "utt2snr", key),
            ref=data["text"][key],
            noisy=data["wav.scp"][key],
            clean=value("spk1.scp", key),
        )
        for key in data.utts
    }


def _check_recordings(data: DataDir) -> None:
    """Raise UserError unless every item of a set without clean references is declared a recording."""
    categories = data.tables.get("utt2category", {})
    for utt in data.utts:
        if categories.get(utt) != REAL:
            raise UserError(
                f"{data.folder} has no spk1.scp, and utterance {utt} is not declared {REAL} in utt2category; only real recordings "
                "have no clean reference"
            )


def _snr(text: str | None, path: Path, key: str) -> float | None:
    """The SNR in dB that a table holds; None for clean speech."""
    if text is None or text in ("inf", "+inf", "clean"):
        return None
    try:
        return float(text.removesuffix("dB"))
    except ValueError as e:
        raise UserError(f"{path}: the SNR of utterance {key} is '{text}', not a number") from e


def read_hypotheses(folder: Path) -> dict[str, str]:
    """Read the text that stage 8 wrote, in the form in which errors are counted; a hypothesis may be empty."""
    path = folder / "text"
    if not path.exists():
        raise UserError(f"there is no {path}; decode the set first (stage 8)")
    hypotheses = read_table(path, empty=True)
    if writes_freely(read_decode_config(folder)):
        case = has_case(hypotheses.values())
        hypotheses = {key: spoken(words, case) for key, words in hypotheses.items()}
    return {key: normalise(words) for key, words in hypotheses.items()}


def read_token_errors(folder: Path) -> dict[str, float]:
    """{item id: share of its frames whose acoustic token is not that of the clean signal}; {} where stage 8 had no tokenizer."""
    path = folder / "token_error_rate"
    try:
        return {key: float(rate) for key, rate in read_table(path).items()} if path.exists() else {}
    except ValueError as e:
        raise UserError(f"{path}: {e}; decode the set again (stage 8)") from e


def read_decode_config(folder: Path) -> dict:
    """How stage 8 decoded: its decode.yaml; {} where there is none.

    Raises: UserError where omega is no number.
    """
    path = folder / "decode.yaml"
    config = read_yaml(path) if path.exists() else {}
    if type(config.get("omega", 0.0)) not in (int, float):
        raise UserError(f"{path}: omega is a number between 0 and 1, not {config['omega']!r}")
    return config


def writes_freely(decode_config: dict) -> bool:
    """Whether the recogniser writes as it likes. ESPnet's, which are not named there, are trained on transcripts."""
    return "recogniser" in decode_config


def check_same_ids(items: Mapping[str, Any], table: Mapping[str, Any], path: Path) -> None:
    """Raise UserError unless both have the same utterances, naming the first that only one has."""
    for first, second, what in ((items, table, "is missing"), (table, items, "is not in the set")):
        alone = [key for key in first if key not in second]
        if alone:
            raise UserError(f"{path}: utterance {alone[0]} {what}" + (f", and {len(alone) - 1} more" if len(alone) > 1 else ""))
