"""The tuning log: one line for each run that was tried, with its dev scores. Choices are made from this log."""

import json
from collections.abc import Sequence
from pathlib import Path

from kdse.core.errors import UserError
from kdse.core.files import write_text
from kdse.core.progress import say
from kdse.data.corpora.registry import dev_prefixes
from kdse.runs.record import all_decoded, decoded, listens, read_run
from kdse.scoring.items import SetItem, check_same_ids, read_hypotheses, read_items, read_token_errors
from kdse.scoring.words import normalise, word_errors

CONFIG = (
    "kdse_conf",
    "max_epoch",
    "num_iters_per_epoch",
    "batch_bins",
    "optim_conf",
    "scheduler_conf",
    "separator_conf",
    "mix_conf",
)
"""What of a training's configuration the log keeps: what trials differ in."""


def add_trials(runs: Sequence[Path], set_name: str, dump: Path, backend: str, log: Path, note: str = "") -> None:
    """Write a line for each run into the log, in the place of the run's older one.

    Raises: UserError where the set is no dev set, or a run was not decoded on it.
    """
    if not set_name.startswith(dev_prefixes()):
        raise UserError(f"choices are made on dev, not on {set_name}")
    lines = {line["run"]: line for line in read_log(log)}
    for folder in runs:
        line = trial(folder, set_name, dump, backend, note)
        lines[line["run"]] = line
        say(f"{line['run']}: WER {line['wer']:.2f} % on {set_name}, {line['items']} items")
    write_text(log, "".join(json.dumps(line, sort_keys=True) + "\n" for line in lines.values()))


def read_log(path: Path) -> list[dict]:
    """The lines of a tuning log; [] where there is none.

    Raises: UserError where a line is none.
    """
    if not path.exists():
        return []
    lines = []
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            line = json.loads(text)
            assert isinstance(line["run"], str)
        except (ValueError, KeyError, TypeError, AssertionError) as e:
            raise UserError(f"{path}, line {number}, is no line of a tuning log") from e
        lines.append(line)
    return lines


def trial(folder: Path, set_name: str, dump: Path, backend: str, note: str = "") -> dict:
    """What the log says of a run: who it is, what was tried, and per cent WER: over all items, by SNR, by omega; token errors.

    Raises: UserError where the run was not decoded on the set.
    """
    about, items, recogniser = read_run(folder), read_items(dump / set_name), listens(folder, backend)
    of_set = decoded(folder, recogniser, set_name)
    by_snr = _word_error_rates(items, of_set)
    by_omega = {}
    for path in all_decoded(folder, recogniser, set_name)[1:]:
        by_omega[path.name.partition("@")[2]] = _word_error_rates(items, path)["all"]
    rates = read_token_errors(of_set)
    config = about.get("config") or {}
    return {
        **{name: about[name] for name in ("run", "approach", "seed", "student", "params")},
        "backend": recogniser,
        "commit": about.get("commit"),
        "config": {name: config[name] for name in CONFIG if name in config},
        "note": note,
        "set": set_name,
        "items": len(items),
        "wer": by_snr.pop("all"),
        "wer_by_snr": by_snr,
        "wer_by_omega": by_omega,
        "token_error_rate": round(sum(rates.values()) / len(rates), 4) if rates else None,
    }


def _word_error_rates(items: dict[str, SetItem], decoded_set: Path) -> dict[str, float]:
    """WER in per cent of all items ("all"), at each SNR ("5 dB"), and of clean speech ("clean")."""
    hypotheses = read_hypotheses(decoded_set)
    check_same_ids(items, hypotheses, decoded_set / "text")
    words: dict[str, int] = {}
    errors: dict[str, int] = {}
    for key, item in items.items():
        n_ref, *wrong = word_errors(normalise(item.ref), hypotheses[key])
        for group in ("all", "clean" if item.snr is None else f"{item.snr:g} dB"):
            words[group] = words.get(group, 0) + n_ref
            errors[group] = errors.get(group, 0) + sum(wrong)
    return {group: round(100 * errors[group] / words[group], 2) for group in sorted(words)}
