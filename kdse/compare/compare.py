"""`kdse compare`: recordings through every system, recognised and scored; a table, a CSV and a plot from rows."""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import kdse
from kdse.compare.enhance import Enhanced, enhance
from kdse.compare.plot import plot
from kdse.compare.quality import score
from kdse.compare.recognisers import Listener, Transcripts, transcribe
from kdse.compare.recordings import CLEAN, NOISY, Recording, look, read_recordings
from kdse.compare.rows import rows_of
from kdse.compare.systems import System, Untouched, check_names
from kdse.compare.table import Comparison, about, all_columns, tables_of, versions_note
from kdse.core.atomic import locked
from kdse.core.errors import UserError
from kdse.core.files import read_text, write_text
from kdse.core.progress import say
from kdse.core.provenance import commit, processor
from kdse.report.render.table import markdown, plain, to_csv
from kdse.runs.record import command
from kdse.scoring.row import read_rows, write_rows

ROWS, FACTS = "rows.jsonl.gz", "compare.json"


def compare(
    folder: Path,
    systems: Sequence[System],
    listeners: Sequence[Listener],
    out: Path,
    absent: Sequence[str],
    nj: int,
    with_dnsmos: bool = True,
) -> bool:
    """Compare on the recordings of a folder; whether every system could be.

    Args:
        systems: beside noisy and clean speech.
        listeners: recognisers; none where there are no words to compare with.
        out: what is made goes there, and what was made before is taken from there.
        absent: a line for each enhancer that is not installed.
        nj: processes.
        with_dnsmos: also where there is clean speech.
    Raises: UserError for recordings that cannot be compared on, and where a recogniser fails.
    """
    recordings = read_recordings(folder)
    untouched = [Untouched(kind) for kind in (NOISY, CLEAN) if kind == NOISY or any(r.clean for r in recordings)]
    check_names([*untouched, *systems])
    _check_texts(folder, recordings, listeners)
    heard = look(recordings, nj)
    with _alone(out):
        seconds = {key: of_one.seconds for key, of_one in heard.items()}
        audio = {s.name: enhance(s, _given(s, recordings), heard, out, nj) for s in untouched}
        for listener in listeners:  # before hours of other work: what is missing is said now
            transcribe(listener, audio, seconds, out, nj, ", noisy and clean")
        failed = []
        for system in systems:
            try:
                audio[system.name] = enhance(system, recordings, heard, out, nj)
            except UserError as e:
                failed.append(f"{system.name} is left out: {e}")
                say(failed[-1])
        heard_words = {listener: transcribe(listener, audio, seconds, out, nj) for listener in listeners}
        order = [untouched[0], *(s for s in systems if s.name in audio), *untouched[1:]]
        scores = {s.name: score(s.name, audio, out, nj, with_dnsmos) for s in order}
        of_systems = [_facts(system, audio[system.name]) for system in order]
        named = [(s["name"], s["kind"], s["parameters"]) for s in of_systems]
        write_rows(out / ROWS, rows_of(folder.resolve().name, named, recordings, scores, heard_words))
        facts = _about(folder, recordings, seconds) | {
            "recognisers": _recognisers(heard_words),
            "systems": of_systems,
            "notes": [*failed, *absent],
        }
        write_text(out / FACTS, json.dumps(facts, indent=1, ensure_ascii=False) + "\n")
        render(out)
    return not failed


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """Let one process at a time work in a folder; another one waits, and then finds what is done."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise UserError(f"cannot write to {out}: {e.strerror or e}") from e
    with locked(out):
        yield


def render(out: Path) -> None:
    """Write compare.csv, compare.md and compare.png from the rows and facts in a folder, and print the tables.

    Raises: UserError where there are none.
    """
    if not (out / FACTS).is_file() or not (out / ROWS).is_file():
        raise UserError(f"{out} holds no comparison ({ROWS} and {FACTS}); make one with kdse compare DIR --out {out}")
    facts = json.loads(read_text(out / FACTS))
    comparison = Comparison.of(facts, read_rows(out / ROWS))
    tables = tables_of(comparison)
    write_text(out / "compare.csv", to_csv(all_columns(comparison)))
    notes = [about(facts), *facts["notes"]]
    if told := versions_note(facts):
        notes.append(told)
    text = "\n".join(f"{markdown(table)}\n" + "".join(f"- {note}\n" for note in table.notes) for table in tables)
    write_text(out / "compare.md", text + "".join(f"- {note}\n" for note in notes) + f"- {facts['command']}\n")
    drawn = plot(comparison, out / "compare.png")
    for table in tables:
        print(f"\n{plain(table)}\n\n" + "\n".join(f"  {note}" for note in table.notes))
    print("\n" + "\n".join(notes))
    say(f"{out}: compare.csv, compare.md, {'compare.png, ' if drawn else ''}{ROWS}")


def _check_texts(folder: Path, recordings: Sequence[Recording], listeners: Sequence[Listener]) -> None:
    if listeners and not all(recording.text for recording in recordings):
        raise UserError(
            f"{folder} has no text, so there are no words to compare with: add {folder / 'text'} ('name words' a line), or leave "
            "--recognisers out"
        )


def _given(system: System, recordings: Sequence[Recording]) -> list[Recording]:
    """The recordings that have the signal a system takes."""
    return [r for r in recordings if system.source == NOISY or r.clean]


def _facts(system: System, enhanced: Enhanced) -> dict[str, Any]:
    return {
        "name": system.name,
        "kind": system.kind,
        "rate": system.rate,
        "rtf": enhanced.rtf,
        "delay_ms": 1000 * enhanced.late if system.delays else None,
        "delay_apart_ms": 1000 * enhanced.apart,
        "clipped": enhanced.clipped,
        **system.facts(),
        "state": system.state(),
    }


def _recognisers(heard: dict[Listener, Transcripts]) -> dict[str, dict[str, Any]]:
    return {
        listener.name: {
            "decode": transcripts.decode,
            "trained_on_transcripts": not listener.writes_freely,
            "state": listener.state(),
        }
        for listener, transcripts in heard.items()
    }


def _about(folder: Path, recordings: Sequence[Recording], seconds: dict[str, float]) -> dict[str, Any]:
    return {
        "folder": folder.resolve().name,
        "recordings": len(recordings),
        "utterances": len({recording.utt for recording in recordings}),
        "seconds": round(sum(seconds.values()), 3),
        "date": time.strftime("%Y-%m-%d"),
        "kdse": kdse.__version__,
        "commit": commit(),
        "processor": processor(),
        "command": command(),
    }
