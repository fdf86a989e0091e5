"""Which runs may touch a test set: those named in the recipe's `selected.yaml`, which is written from dev scores."""

from pathlib import Path

from kdse.core.errors import UserError
from kdse.core.files import read_yaml
from kdse.core.progress import say
from kdse.data.corpora.registry import test_prefixes


def allowed_sets(run: str, sets: list[str], selected: Path | str | None) -> list[str]:
    """The sets, each once, on which a run may be enhanced, decoded and scored. Prints which are left out.

    Args:
        run: its name.
        sets: names. A name with a test prefix of a registered corpus is a test set's.
        selected: a YAML with `runs: [names]`, and whatever else explains the choice. Without one, every set is allowed.
    Raises: UserError where the file cannot be read, or `runs` is no list of names.
    """
    sets = list(dict.fromkeys(sets))
    if selected is None:
        return sets
    runs = read_yaml(selected).get("runs")
    if not isinstance(runs, list) or not all(isinstance(name, str) for name in runs):
        raise UserError(f"{selected}: 'runs' must list the names of the runs that may touch the test sets")
    left_out = [name for name in sets if name.startswith(test_prefixes()) and run not in runs]
    if left_out:
        say(f"{run} is not in {selected}: {', '.join(left_out)} left out")
    return [name for name in sets if name not in left_out]
