"""`kdse export --package NAME`: put a run's exported student among those that come with kdse, with checksum and model card."""

import re
from collections.abc import Sequence
from pathlib import Path

from kdse.core.atomic import atomic_path
from kdse.core.errors import UserError
from kdse.core.files import read_text, sha256, write_text
from kdse.core.progress import say
from kdse.packing.model_card import results_table
from kdse.runtime.model import Model
from kdse.runtime.packaged import EXPORTED, FOLDER, SUMS

LARGEST = 1_000_000
"""Bytes of a packaged model."""
BLOCK = "<!-- {name} -->\n{text}\n<!-- end of {name} -->"


def package(run: Path, name: str, results: Sequence[Path], folder: Path = FOLDER) -> None:
    """Copy `run`/export/model.onnx to `folder`/NAME.onnx, and write its line of SHA256SUMS and the facts and scores of NAME.md.

    What stands in the card beside facts and scores stays as it is.

    Args:
        results: folders with score rows of the run, one for each recogniser.

    Raises: UserError for a name that is no word, and where the run is not exported or not scored, or its model is too large.
    """
    if not re.fullmatch(r"[a-z0-9-]+", name):
        raise UserError(f"--package is a name of small letters, digits and hyphens, not '{name}'")
    if not (run / EXPORTED).is_file():
        raise UserError(f"{run} holds no {EXPORTED}; export it first")
    data = (run / EXPORTED).read_bytes()
    if len(data) > LARGEST:
        raise UserError(f"{run / EXPORTED} has {len(data):,} bytes; a packaged model has at most {LARGEST:,}")
    model = Model(data, run / EXPORTED)
    tables = {str(path): results_table(path, run.name, "enh", model.output.mix) for path in results}
    empty = [path for path, table in tables.items() if not table]
    if empty or not tables:
        raise UserError(f"there are no score rows of {run.name} in {empty[0] if empty else '--results'}; run stages 7 to 9 first")
    card = _card(folder / f"{name}.md", name, model.metadata, "\n\n".join(tables.values()))
    with atomic_path(folder / f"{name}.onnx") as part:
        part.write_bytes(data)
    _write_sums(folder)
    write_text(folder / f"{name}.md", card)
    say(f"{name}: packaged in {folder}")


def _write_sums(folder: Path) -> None:
    """The checksums of all models in the folder."""
    lines = [f"{sha256(path)}  {path.name}\n" for path in sorted(folder.glob("*.onnx"))]
    write_text(folder / SUMS, "".join(lines))


def _card(path: Path, name: str, metadata: dict[str, str], scores: str) -> str:
    """The model card with new facts and scores."""
    shown = ("name", "network", "parameters", "approach", "corpus", "teacher", "trained_at_commit", "floor_db", "exponent", "mix")
    facts = "\n".join(["| | |", "|---|---|", *(f"| {key} | {metadata[key]} |" for key in shown if key in metadata)])
    old = read_text(path) if path.exists() else f"# {name}\n\n{_block('facts', '')}\n\n## Scores\n\n{_block('scores', '')}\n"
    for block, text in (("facts", facts), ("scores", scores)):
        begin, end = _block(block, "\n").split("\n\n\n")
        place = re.search(f"{re.escape(begin)}.*?{re.escape(end)}", old, re.S)
        if not place:
            raise UserError(f"{path} has no line {begin}, after which its {block} are written")
        old = old[: place.start()] + _block(block, text) + old[place.end() :]
    return old


def _block(name: str, text: str) -> str:
    return BLOCK.format(name=name, text=text)
