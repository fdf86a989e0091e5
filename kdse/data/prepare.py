"""Stage 1: hand over to the corpus's own file, and remember that it is done."""

import importlib
from pathlib import Path
from typing import Any

from kdse.core.errors import UserError
from kdse.core.files import read_text, write_text
from kdse.core.progress import say
from kdse.core.step import Step
from kdse.data.corpora import registry
from kdse.data.datadir import DataDir


def prepare_corpus(name: str, out: Path, *, nj: int = 1, **options: Any) -> None:
    """Write the data dirs of a corpus, unless that is done.

    Args:
        name: of a corpus in the registry.
        out: where its data dirs go.
        nj: processes.
        options: those that the corpus's `add_arguments` declares.
    Raises: UserError naming file, line and utterance of the first problem.
    """
    info = registry.find(name)
    corpus = importlib.import_module(info.module)
    step = Step(out, {"corpus": name, **corpus.inputs(**options)}, f"data {name}")
    made = [out / part for part in (*info.data_dirs, "noise.tsv", "corpus")]
    missing = next((path for path in made if not path.exists()), None)
    if missing is not None and step.marker.exists():
        say(f"data {name}: runs again, because {missing} is gone")
        step.marker.unlink()
    if not step.needed():
        return
    corpus.prepare(out, nj=nj, **options)
    for part in info.data_dirs:
        DataDir(out / part).categories()
    write_text(out / "corpus", name + "\n")
    step.finish()


def corpus_name(data_dir: Path) -> str:
    """The corpus that stage 1 put into a data folder; it enters the key of every random draw."""
    path = data_dir / "corpus"
    if not path.is_file():
        raise UserError(f"{path} is missing; run stage 1 (kdse data) first")
    return read_text(path).strip()
