"""Official sets of a corpus: what it is tested on came noisy, and stage 2 has nothing to mix."""

from pathlib import Path

from kdse.core.errors import UserError
from kdse.core.progress import say
from kdse.core.step import Step
from kdse.data.datadir import REAL, DataDir, write_datadir


def take_over(data: Path, dump: Path, state) -> None:
    """Put each data dir of `data`/sets beside the sets that are mixed; its audio stays where it is.

    Args:
        state: of a DataDir, what changes when a table or an audio file does.
    Raises: UserError where a category is none, or only a real recording has, or lacks, a clean signal.
    """
    for folder in sorted(path for path in (data / "sets").glob("*") if path.is_dir()):
        found = DataDir(folder)
        step = Step(dump / folder.name, {"data": state(found)}, f"set {folder.name}")
        if step.needed():
            check_references(found)
            write_datadir(step.folder, found.tables)
            step.finish()
            categories = ", ".join(sorted(set(found.categories().values())))
            say(f"{step.folder}: {len(found)} items, {categories}, as the corpus has them")


def check_references(data: DataDir) -> None:
    """Raise UserError unless a set of real recordings is declared as that, item by item, and any other has clean signals."""
    categories = data.categories()
    for utt in data.utts:
        category = categories.get(utt)
        if (category == REAL) == ("spk1.scp" in data):
            what = "has a clean signal" if category == REAL else "has no clean signal"
            raise UserError(
                f"{data.folder}: utterance {utt} {what}, yet utt2category calls it {category}; real recordings (REAL) have none, "
                "and all others have one in spk1.scp"
            )
