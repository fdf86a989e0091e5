"""The YAML beside a run's rows: the run's configuration, and how, when and with what it was scored."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

from kdse.core.files import dump_yaml, read_yaml, write_text
from kdse.core.provenance import commit, versions
from kdse.scoring.items import writes_freely
from kdse.scoring.quality_cache import LIBRARIES
from kdse.scoring.spoken import SPOKEN
from kdse.scoring.words import NORMALISATION

OF_THE_ROWS = ("date", "commit", "versions")
"""What belongs to the scoring that made the rows, and stays while the rows stay the same."""


def write_row_config(path: Path, about: dict, decodes: Mapping[str, dict], command: str, rows_changed: bool) -> bool:
    """Write the run's configuration beside its rows; return whether it changed.

    Args:
        about: the run's run.yaml.
        decodes: {set, with its share of the noisy signal: how it was decoded}.
        command: what was called.
    """
    normalisation = f"{NORMALISATION}; {SPOKEN}" if any(map(writes_freely, decodes.values())) else NORMALISATION
    scoring = {
        "command": command,
        "decode": dict(decodes),
        "normalisation": normalisation,
        "date": date.today().isoformat(),
        "commit": commit(),
        "versions": versions(("jiwer", *LIBRARIES, "soundfile")),
    }
    old = read_yaml(path) if path.exists() else {}
    if not rows_changed and isinstance(old.get("scoring"), dict):
        scoring |= {name: old["scoring"].get(name) for name in OF_THE_ROWS}
    new = about | {"scoring": scoring}
    if new == old:
        return False
    write_text(path, dump_yaml(new, allow_unicode=True, width=120))
    return True
