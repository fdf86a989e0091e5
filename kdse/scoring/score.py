"""Score rows of a run (stage 9): one for each utterance of the sets asked for."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from kdse.approaches.registry import NO_FRONT_END
from kdse.core.errors import UserError
from kdse.core.progress import say
from kdse.runs.record import FIELDS, decoded, listens, read_run
from kdse.scoring.items import SetItem, check_same_ids, read_decode_config, read_hypotheses, read_items, read_token_errors
from kdse.scoring.metrics import METRICS, SCORES
from kdse.scoring.missing import NO_REFERENCE, NO_TOKENS
from kdse.scoring.quality_cache import quality_of_set
from kdse.scoring.row import read_rows, write_rows
from kdse.scoring.row_config import write_row_config
from kdse.scoring.words import normalise


def score_run(
    folder: Path, sets: list[str], dump: Path, out: Path, backend: str, nj: int = 1, omegas: Sequence[float] = (0.0,)
) -> Path:
    """Write `out/<run>.jsonl.gz` and `out/<run>.yaml` for the run in `folder`; return the path of the rows.

    Args:
        dump: folder of the fixed sets.
        backend: whose hypotheses are scored; see `kdse.runs.record.listens`.
        nj: processes.
        omegas: shares of the noisy signal, 0 first.

    Raises: UserError where an input of the stages before is missing or does not fit.
    """
    about = read_run(folder)
    recogniser = listens(folder, backend)
    shares = (0.0,) if about["approach"] == NO_FRONT_END else omegas
    decodes: dict[str, dict[Path, dict]] = {}
    for name in sets:
        paths = [decoded(folder, recogniser, name, omega) for omega in shares]
        decodes[name] = {path: read_decode_config(path) for path in paths}
    path = out / f"{about['run']}.jsonl.gz"
    gone = sorted(_sets_of_before(path) - set(sets))
    if gone:
        say(f"score {about['run']}: its rows of {', '.join(gone)} go, because the result holds the sets asked for and no others")
    count = itertools.count()
    rows = (row for name in sets for row in score_set(folder, about, name, dump / name, decodes[name], nj))
    changed = write_rows(path, (row for row, _ in zip(rows, count)))
    command = f"kdse score --run {folder} --backend {backend} --sets {' '.join(sets)} --dump {dump} --out {out}"
    command += f" --omegas {' '.join(f'{omega:g}' for omega in omegas)}" if len(omegas) > 1 else ""
    by_name = {path.name: config for of_set in decodes.values() for path, config in of_set.items()}
    changed = write_row_config(out / f"{about['run']}.yaml", about, by_name, command, changed) or changed
    say(f"score {about['run']}: {next(count)} rows in {path}" + ("" if changed else " (unchanged)"))
    return path


def score_set(folder: Path, about: dict, name: str, data: Path, decodes: Mapping[Path, dict], nj: int = 1) -> Iterator[dict]:
    """Yield the score rows of one set (see `kdse.scoring.row`) for the run in `folder`.

    Args:
        about: its run.yaml.
        name, data: the set and its folder.
        decodes: folders of stage 8, one for each share of the noisy signal, 0 first, and the decode.yaml of each.
        nj: processes.
    """
    items = read_items(data)
    hypotheses = {path: read_hypotheses(path) for path in decodes}
    for path, of_path in hypotheses.items():
        check_same_ids(items, of_path, path / "text")
    omegas = [float(config.get("omega", 0.0)) for config in decodes.values()]
    kept = quality_of_set(folder, about, name, data, items, omegas, nj)
    token_errors = {path: read_token_errors(path) for path in decodes}
    of_run = {column: about[column] for column in FIELDS}
    for (key, item), (kept_key, scores) in zip(items.items(), kept, strict=True):
        assert kept_key == key
        for (path, config), omega in zip(decodes.items(), omegas, strict=True):
            values, missing = scores[kept.omegas.index(omega)]
            token_error = token_errors[path].get(key)
            if token_error is None:
                missing = missing | {"token_error_rate": NO_TOKENS if item.clean else NO_REFERENCE}
            yield {
                **of_run,
                "backend": path.parent.name,  # the recogniser, whatever the front end was trained for
                "set": name,
                "decode": config.get("decode", "ctc_greedy"),
                "omega": omega,
                **_of_item(item, hypotheses[path][key]),
                **dict.fromkeys(SCORES),
                **values,
                "token_error_rate": token_error,
                "missing": missing,
            }


def _of_item(item: SetItem, hyp: str) -> dict:
    """The columns that name an item, and its errors."""
    ref = normalise(item.ref)
    counts = {metric.counts: metric.function(ref, hyp) for metric in METRICS.values() if metric.counts}
    names = ("utt", "speaker", "category", "noise", "snr")
    return {**{name: getattr(item, name) for name in names}, "ref": ref, "hyp": hyp, **counts}


def _sets_of_before(path: Path) -> set[str]:
    """The sets that a file of rows holds."""
    try:
        return {row["set"] for row in read_rows(path)} if path.exists() else set()
    except UserError:
        return set()  # unreadable; it is about to be replaced
