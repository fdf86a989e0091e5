"""`kdse score` (stage 9): one score row for each utterance of the sets asked for."""

import itertools
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from kdse.core.errors import UserError
from kdse.core.files import dump_yaml, fingerprint, read_yaml, sha256, write_text
from kdse.core.progress import say
from kdse.core.provenance import commit, versions
from kdse.core.step import Step, done_config, done_hash
from kdse.runs.record import BACKEND, FIELDS, OMEGAS, check_omegas, decoded, listens, read_run
from kdse.runs.selection import allowed_sets

NO_FRONT_END = "mct_noisy"
NO_TOKENS = "decoded without acoustic tokens"
METRIC_LIBRARIES = ("pesq", "pystoi", "fast-bss-eval", "speechmos", "numpy", "scipy", "torch")
LIBRARIES = ("jiwer", *METRIC_LIBRARIES, "soundfile")

Scores = tuple[dict[str, float | None], dict[str, str]]
"""({metric: value}, {metric: why it is missing}) of one item."""


@dataclass(frozen=True)
class Item:
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


def add_arguments(parser) -> None:
    """Arguments of `kdse score`."""
    parser.add_argument(
        "--run", required=True, nargs="+", metavar="DIR", help="experiment folders, exp/<run>, with run.yaml and decode/"
    )
    parser.add_argument("--backend", required=True, metavar="NAME", help=BACKEND)
    parser.add_argument("--sets", required=True, nargs="+", metavar="SET", help="sets to score; the result holds exactly these")
    parser.add_argument("--dump", default="dump", metavar="DIR", help="folder of the fixed sets (default: %(default)s)")
    parser.add_argument(
        "--out", default="results", metavar="DIR", help="where <run>.jsonl.gz and <run>.yaml go (default: %(default)s)"
    )
    parser.add_argument("--omegas", nargs="+", type=float, default=[0.0], metavar="SHARE", help=OMEGAS)
    parser.add_argument("--selected", metavar="FILE", help="score test sets only for the runs it names (selected.yaml)")
    parser.add_argument("--nj", type=int, default=1, metavar="N", help="processes, one thread each (default: %(default)s)")


def run(args) -> None:
    """Score the sets that the run may be tested on; see `score_run`."""
    if args.nj < 1:
        raise UserError(f"--nj must be 1 or more, not {args.nj}")
    omegas = check_omegas(args.omegas)
    if args.nj > 1:
        os.environ["OMP_NUM_THREADS"] = "1"  # before numpy is imported: parallel over utterances, not inside them
    for folder in map(Path, args.run):
        sets = allowed_sets(folder.name, args.sets, args.selected)
        if sets:
            score_run(folder, sets, Path(args.dump), Path(args.out), args.backend, args.nj, omegas)


def score_run(
    folder: Path, sets: list[str], dump: Path, out: Path, backend: str, nj: int = 1, omegas: Sequence[float] = (0.0,)
) -> Path:
    """Write `out/<run>.jsonl.gz` and `out/<run>.yaml` for the run in `folder`; return the path of the rows.

    Args:
        backend: what listened; see `kdse.runs.record.listens`.

    Raises: UserError where an input of the stages before is missing or does not fit.
    """
    from kdse.scoring.row import write_rows

    about = read_run(folder)
    heard, listener = {}, listens(folder, backend)
    for name in sets:
        paths = [decoded(folder, listener, name, omega) for omega in ((0.0,) if about["approach"] == NO_FRONT_END else omegas)]
        heard[name] = {path: _decode_config(path) for path in paths}
    path = out / f"{about['run']}.jsonl.gz"
    gone = sorted(_sets_of_before(path) - set(sets))
    if gone:
        say(f"score {about['run']}: its rows of {', '.join(gone)} go, because the result holds the sets asked for and no others")
    count = itertools.count()
    rows = (row for name in sets for row in score_set(folder, about, name, dump / name, heard[name], nj))
    changed = write_rows(path, (row for row, _ in zip(rows, count)))
    command = f"kdse score --run {folder} --backend {backend} --sets {' '.join(sets)} --dump {dump} --out {out}"
    command += f" --omegas {' '.join(f'{omega:g}' for omega in omegas)}" if len(omegas) > 1 else ""
    decodes = {path.name: decode for of_set in heard.values() for path, decode in of_set.items()}
    changed = _write_config(out / f"{about['run']}.yaml", about, decodes, command, changed) or changed
    say(f"score {about['run']}: {next(count)} rows in {path}" + ("" if changed else " (unchanged)"))
    return path


def score_set(folder: Path, about: dict, name: str, data: Path, heard: dict[Path, dict], nj: int = 1) -> Iterator[dict]:
    """Yield the score rows of one set (docs/scores.md) for the run in `folder`.

    Args:
        heard: folders of stage 8, one for each share of the noisy signal, 0 first, and the decode.yaml of each.
    """
    from kdse.scoring.quality import NO_REFERENCE
    from kdse.scoring.row import METRICS
    from kdse.scoring.words import char_errors, normalise, word_errors

    items = read_items(data)
    texts = {path: read_hypotheses(path) for path in heard}
    for path, hyps in texts.items():
        check_same_ids(items, hyps, path / "text")
    omegas = [float(decode.get("omega", 0.0)) for decode in heard.values()]
    kept, shares = _quality_of_set(folder, about, name, data, items, omegas, nj)
    rates = {path: read_token_errors(path) for path in heard}
    with open(kept, encoding="utf-8") as scored:
        next(scored)
        for (key, item), line in zip(items.items(), scored, strict=True):
            of_key, scores = json.loads(line)
            assert of_key == key
            ref = normalise(item.ref)
            for (path, decode), omega in zip(heard.items(), omegas, strict=True):
                values, missing = scores[shares.index(omega)]
                hyp = texts[path][key]
                tokens = {} if key in rates[path] else {"token_error_rate": NO_TOKENS if item.clean else NO_REFERENCE}
                yield (
                    {column: about[column] for column in FIELDS}
                    | {"backend": path.parent.name}  # what listened, whatever the front end was trained for
                    | {"set": name, "decode": decode.get("decode", "ctc_greedy"), "omega": omega}
                    | {"utt": item.utt, "speaker": item.speaker, "category": item.category, "noise": item.noise, "snr": item.snr}
                    | {"ref": ref, "hyp": hyp, "word": word_errors(ref, hyp), "char": char_errors(ref, hyp)}
                    | dict.fromkeys(METRICS)
                    | values
                    | {"token_error_rate": rates[path].get(key), "missing": missing | tokens}
                )


def read_items(folder: Path) -> dict[str, Item]:
    """Read a fixed set: {item id: Item}.

    Raises: UserError where the set was not made, a file is missing or the ids of two files differ.
    """
    from kdse.data.datadir import REAL, DataDir

    data = DataDir(folder)
    if "spk1.scp" not in data:
        utt = next((utt for utt in data.utts if data.tables.get("utt2category", {}).get(utt) != REAL), None)
        if utt:
            raise UserError(
                f"{folder} has no spk1.scp, and utterance {utt} is not declared {REAL} in utt2category; only real recordings "
                "have no clean reference"
            )

    def value(table: str, key: str) -> str | None:
        return data[table].get(key) if table in data else None

    return {
        key: Item(
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


def read_hypotheses(folder: Path) -> dict[str, str]:
    """Read the text that stage 8 wrote, in the form in which errors are counted; a hypothesis may be empty."""
    from kdse.data.datadir import read_table
    from kdse.scoring.spoken import has_case, spoken
    from kdse.scoring.words import normalise

    path = folder / "text"
    if not path.exists():
        raise UserError(f"there is no {path}; decode the set first (stage 8)")
    found = read_table(path, empty=True)
    if _is_foreign(_decode_config(folder)):
        case = has_case(found.values())
        found = {key: spoken(words, case) for key, words in found.items()}
    return {key: normalise(words) for key, words in found.items()}


def _is_foreign(decode: dict) -> bool:
    """Whether what was heard comes from a recogniser that writes as it likes: ESPnet's, trained on transcripts, are not named."""
    return "recogniser" in decode


def read_token_errors(folder: Path) -> dict[str, float]:
    """{item id: share of its frames whose acoustic token is not that of the clean signal}; {} where stage 8 had no tokenizer."""
    from kdse.data.datadir import read_table

    path = folder / "token_error_rate"
    try:
        return {key: float(rate) for key, rate in read_table(path).items()} if path.exists() else {}
    except ValueError as e:
        raise UserError(f"{path}: {e}; decode the set again (stage 8)") from e


def _quality_of_set(
    folder: Path, about: dict, name: str, data: Path, items: dict[str, Item], omegas: Sequence[float], nj: int
) -> tuple[Path, list[float]]:
    """Quality of every item for every share ω, computed once for all backends: it stays in exp/<run>/score/<set> until audio,
    reference or a library change or another share is asked for, and where it was cut it goes on.

    Returns: the file, a fingerprint and then `[item, [scores of each share]]` a line, in the order of the items; and its shares.
    """
    from kdse.core.parallel import in_processes
    from kdse.data.datadir import read_table
    from kdse.scoring.quality import METRICS

    enhanced = folder / "enhanced" / name / "wav.scp"
    if enhanced.exists():
        estimates = read_table(enhanced)
        check_same_ids(items, estimates, enhanced)
    elif about["approach"] == NO_FRONT_END:
        estimates = {key: item.noisy for key, item in items.items()}
    else:
        raise UserError(f"there is no {enhanced}, yet {about['run']} has a front end; enhance the set first (stage 7)")
    manifest = data / "manifest.jsonl"
    config = {
        "estimates": fingerprint(estimates),
        "enhanced": enhanced.stat().st_mtime_ns if enhanced.exists() else None,
        "references": fingerprint({key: item.clean for key, item in items.items()}),
        "data": sha256(manifest) if manifest.exists() else done_hash(data),
        "metrics": list(METRICS),
        "omegas": list(omegas),
        "versions": versions(METRIC_LIBRARIES),
    }
    before = done_config(folder / "score" / name)
    if before and set(omegas) != set(before["omegas"]) and before | {"omegas": config["omegas"]} == config:
        config["omegas"] = sorted({*before["omegas"], *omegas})  # backends are tried with shares of their own
    step = Step(folder / "score" / name, config, f"quality of {about['run']} on {name}")
    kept = step.folder / "quality.jsonl"
    needed = step.needed()
    done = _kept_scores(kept, config, items)
    if needed or done < len(items):
        import torch  # here, so that the processes to come have it already

        torch.set_num_threads(1)
        if not done:
            write_text(kept, json.dumps(fingerprint(config)) + "\n")
        else:
            say(f"{step.what}: goes on after {done} of {len(items)} items")
        left = itertools.islice(items.items(), done, None)
        work = [(key, item.clean, item.noisy, estimates[key], config["omegas"]) for key, item in left]
        with open(kept, "a", encoding="utf-8") as f:
            for key, scores in in_processes(_quality_of_item, work, nj, step.what):
                f.write(json.dumps([key, scores]) + "\n")
                f.flush()
        step.finish()
    return kept, config["omegas"]


def _kept_scores(path: Path, config: dict, items: Iterable[str]) -> int:
    """How many of the items were scored with this configuration before; what comes after them, a line cut in the middle say, is
    taken off the file."""
    if not path.exists():
        return 0
    with open(path, "rb+") as f:
        if f.readline() != f"{json.dumps(fingerprint(config))}\n".encode():
            return 0
        done, end = 0, f.tell()
        for key, line in zip(items, f):
            if not (line.startswith(f"[{json.dumps(key)}, ".encode()) and line.endswith(b"]\n")):
                break
            done, end = done + 1, end + len(line)
        f.truncate(end)
    return done


def _quality_of_item(work: tuple[str, str | None, str, str, Sequence[float]]) -> tuple[str, list[Scores]]:
    from kdse.data.audio import read_audio
    from kdse.scoring.quality import no_denormals, quality

    key, clean, noisy, estimate, omegas = work
    reference, mixture, enhanced = (None if path is None else read_audio(path, key) for path in (clean, noisy, estimate))
    with no_denormals():
        return key, quality(reference, enhanced, key, mixture, omegas)


def _decode_config(folder: Path) -> dict:
    path = folder / "decode.yaml"
    found = read_yaml(path) if path.exists() else {}
    if type(found.get("omega", 0.0)) not in (int, float):
        raise UserError(f"{path}: omega is a number between 0 and 1, not {found['omega']!r}")
    return found


def _write_config(path: Path, about: dict, decodes: dict[str, dict], command: str, rows_changed: bool) -> bool:
    """Write the run's configuration beside its rows; return whether it changed.

    Date, commit and library versions belong to the scoring that made the rows, so they stay while the rows stay the same.
    """
    from kdse.scoring.spoken import SPOKEN
    from kdse.scoring.words import NORMALISATION

    normalisation = f"{NORMALISATION}; {SPOKEN}" if any(map(_is_foreign, decodes.values())) else NORMALISATION
    scoring = {"command": command, "decode": decodes, "normalisation": normalisation}
    scoring |= {"date": date.today().isoformat(), "commit": commit(), "versions": versions(LIBRARIES)}
    old = read_yaml(path) if path.exists() else {}
    if not rows_changed and isinstance(old.get("scoring"), dict):
        scoring |= {name: old["scoring"].get(name) for name in ("date", "commit", "versions")}
    new = about | {"scoring": scoring}
    if new == old:
        return False
    write_text(path, dump_yaml(new, allow_unicode=True, width=120))
    return True


def _sets_of_before(path: Path) -> set[str]:
    from kdse.scoring.row import read_rows

    try:
        return {row["set"] for row in read_rows(path)} if path.exists() else set()
    except UserError:
        return set()  # unreadable; it is about to be replaced


def check_same_ids(items: dict, table: dict, path: Path) -> None:
    """Raise UserError unless both have the same utterances, naming the first that only one has."""
    for first, second, what in ((items, table, "is missing"), (table, items, "is not in the set")):
        alone = [key for key in first if key not in second]
        if alone:
            raise UserError(f"{path}: utterance {alone[0]} {what}" + (f", and {len(alone) - 1} more" if len(alone) > 1 else ""))


def _snr(text: str | None, path: Path, key: str) -> float | None:
    if text is None or text in ("inf", "+inf", "clean"):
        return None
    try:
        return float(text.removesuffix("dB"))
    except ValueError as e:
        raise UserError(f"{path}: the SNR of utterance {key} is '{text}', not a number") from e
