"""Official sets of a corpus: they come noisy, and stage 2 has nothing to mix."""

from pathlib import Path

from kdse.core.errors import UserError
from kdse.core.progress import say
from kdse.core.step import Step
from kdse.data.datadir import REAL, DataDir, write_datadir


def link_official_sets(data_dir: Path, dump: Path) -> None:
    """Write each data dir of `data_dir`/sets into `dump`, beside the sets that are mixed. Its audio stays where it is.

    Raises: UserError where a category is unknown, where a real recording has a clean signal, or where another item has none.
    """
    for folder in sorted(path for path in (data_dir / "sets").glob("*") if path.is_dir()):
        official = DataDir(folder)
        step = Step(dump / folder.name, {"data": official.fingerprint()}, f"set {folder.name}")
        if step.needed():
            check_references(official)
            write_datadir(step.folder, official.tables)
            step.finish()
            categories = ", ".join(sorted(set(official.categories().values())))
            say(f"{step.folder}: {len(official)} items, {categories}, as the corpus has them")


def check_references(data: DataDir) -> None:
    """Raise UserError unless every real recording is declared as one, and every other item has a clean signal."""
    categories = data.categories()
    has_clean = "spk1.scp" in data
    for utt in data.utts:
        category = categories.get(utt)
        if (category == REAL) == has_clean:
            what = "has a clean signal" if has_clean else "has no clean signal"
            raise UserError(
                f"{data.folder}: utterance {utt} {what}, yet utt2category calls it {category}; real recordings (REAL) have none, "
                "and all others have one in spk1.scp"
            )
