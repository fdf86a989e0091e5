"""`kdse trial`: a line of the tuning log for each run that was tried, with its dev scores. Choices are made from this log."""

import json
from pathlib import Path

from kdse.core.errors import UserError
from kdse.core.files import write_text
from kdse.core.progress import say
from kdse.data.corpora.registry import dev_prefixes
from kdse.runs.record import BACKEND, all_decoded, decoded, listens, read_run

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


def add_arguments(parser) -> None:
    """Arguments of `kdse trial`."""
    parser.add_argument("--run", required=True, nargs="+", type=Path, metavar="DIR", help="experiment folders, decoded on the set")
    parser.add_argument(
        "--set", default="dev_noisy", help=f"a set whose name begins with {' or '.join(dev_prefixes())} (default: %(default)s)"
    )
    parser.add_argument("--backend", required=True, metavar="NAME", help=BACKEND)
    parser.add_argument("--dump", type=Path, default=Path("dump"), help="folder of the fixed sets (default: %(default)s)")
    parser.add_argument("--log", type=Path, default=Path("tuning.jsonl"), help="the log (default: %(default)s)")
    parser.add_argument("--note", default="", help="why it was tried")


def run(args) -> None:
    """Add a line for each run, in the place of the run's older one."""
    if not args.set.startswith(dev_prefixes()):
        raise UserError(f"choices are made on dev, not on {args.set}")
    lines = {line["run"]: line for line in read_log(args.log)}
    for folder in args.run:
        line = trial(folder, args.set, args.dump, args.backend, args.note)
        lines[line["run"]] = line
        say(f"{line['run']}: WER {line['wer']:.2f} % on {args.set}, {line['items']} items")
    write_text(args.log, "".join(json.dumps(line, sort_keys=True) + "\n" for line in lines.values()))


def read_log(path: Path) -> list[dict]:
    """The lines of a tuning log; [] where there is none.

    Raises: UserError where a line is none.
    """
    found = []
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines() if path.exists() else [], 1):
        try:
            line = json.loads(text)
            assert isinstance(line["run"], str)
        except (ValueError, KeyError, TypeError, AssertionError) as e:
            raise UserError(f"{path}, line {number}, is no line of a tuning log") from e
        found.append(line)
    return found


def trial(folder: Path, set_name: str, dump: Path, backend: str, note: str = "") -> dict:
    """What the log says of a run: who it is, what was tried, and per cent WER: over all items, by SNR, by omega; token errors.

    Raises: UserError where the run was not decoded on the set.
    """
    from kdse.scoring.score import check_same_ids, read_hypotheses, read_items, read_token_errors
    from kdse.scoring.words import normalise, word_errors

    about, items, listener = read_run(folder), read_items(dump / set_name), listens(folder, backend)

    def wers(heard: Path) -> dict[str, float]:
        hyps = read_hypotheses(heard)
        check_same_ids(items, hyps, heard / "text")
        counts: dict[str, list[int]] = {}
        for key, item in items.items():
            n, *errors = word_errors(normalise(item.ref), hyps[key])
            for group in ("all", "clean" if item.snr is None else f"{item.snr:g} dB"):
                total = counts.setdefault(group, [0, 0])
                total[0] += n
                total[1] += sum(errors)
        return {group: round(100 * errors / n, 2) for group, (n, errors) in sorted(counts.items())}

    by_snr = wers(decoded(folder, listener, set_name))
    by_omega = {heard.name.partition("@")[2]: wers(heard)["all"] for heard in all_decoded(folder, listener, set_name)[1:]}
    rates = read_token_errors(decoded(folder, listener, set_name))
    config = about.get("config") or {}
    return {
        **{name: about[name] for name in ("run", "approach", "seed", "student", "params")},
        "backend": listener,
        "commit": about.get("commit"),
        "config": {k: config[k] for k in CONFIG if k in config},
        "note": note,
        "set": set_name,
        "items": len(items),
        "wer": by_snr.pop("all"),
        "wer_by_snr": by_snr,
        "wer_by_omega": by_omega,
        "token_error_rate": round(sum(rates.values()) / len(rates), 4) if rates else None,
    }
