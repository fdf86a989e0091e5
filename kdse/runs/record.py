"""What a run is: the `run.yaml` beside its model, from which score rows and tables take names, sizes and commands."""

import shlex
import sys
from pathlib import Path
from typing import Any

import kdse
from kdse.core.errors import UserError
from kdse.core.files import dump_yaml, read_yaml, write_text
from kdse.core.provenance import commit, versions
from kdse.runs.naming import family_and_tag

FIELDS = ("run", "corpus", "approach", "seed", "student", "teacher", "backend", "params")
"""What every run.yaml says, and every score row."""
FACTS = ("teachers", "init_run", "training")
"""What the run.yaml of a trained front end says beside FIELDS: names of the recognisers that taught it, the run whose front end it
began with (None for random weights), and what the training took. `teacher` is the text that rows have: "a + b"."""
PACKAGES = ("espnet", "torch", "torchaudio", "numpy", "pesq", "pystoi", "scikit-learn", "pyroomacoustics")


def write_run(folder: Path | str, config: dict[str, Any], **fields: Any) -> None:
    """Write `folder`/run.yaml: what a score row says of the whole run, its configuration, command, commit and versions.

    Args:
        config: the whole configuration, plain values only.
        fields: FIELDS without `run`, which is the folder's name, and some of FACTS; `params` counts the front end alone.
    """
    folder = Path(folder)
    family, tag = family_and_tag(folder.name)
    record = {"run": folder.name, **{name: fields.get(name) for name in FIELDS[1:]}, "family": family, "tag": tag}
    record |= {name: fields[name] for name in FACTS if name in fields}
    installed = {"python": sys.version.split()[0], "kdse": kdse.__version__, **versions(PACKAGES)}
    record |= {"command": command(), "commit": commit(), "versions": installed, "config": config}
    write_text(folder / "run.yaml", dump_yaml(record, width=130))


def read_run(folder: Path | str) -> dict[str, Any]:
    """The run.yaml of a run.

    Raises: UserError where there is none, or it lacks a field.
    """
    path = Path(folder) / "run.yaml"
    if not path.is_file():
        raise UserError(f"{folder} is no run: it has no run.yaml; train it first (stages 3 to 7 write one)")
    record = read_yaml(path)
    for name in FIELDS:
        if name not in record:
            raise UserError(f"{path} lacks '{name}'; run the stage that made it again")
    return record


OMEGAS = "observation adding: (1 - w) * enhanced + w * noisy is recognised for each w in [0, 1); 0 always (default: 0)"
"""Help text of --omegas."""


def check_omegas(omegas: list[float]) -> list[float]:
    """The shares of the noisy signal in order, each once, 0 among them.

    Raises: UserError for one outside of [0, 1), or of more digits than the name of a folder shows.
    """
    for omega in omegas:
        if not 0 <= omega < 1 or float(f"{omega:g}") != omega:  # a folder's name says which it is
            raise UserError(
                f"--omegas are shares of the noisy signal, 0 or more and less than 1, of six digits at most, not {omega!r}"
            )
    return sorted({0.0, *omegas})


BACKEND = "what listened: the folder's name in decode/; for a run with a recogniser of its own any ESPnet backend stands for that"
"""Help text of --backend where hypotheses are read."""


def has_own_recogniser(run: Path | str) -> bool:
    """Whether the run trained a recogniser with its front end, which then listens in the place of the recipe's."""
    return (Path(run) / "asr").is_dir()


def listens(run: Path | str, backend: str) -> str:
    """What listens to a run when a backend is asked for: the run's own recogniser, where it has one, stands for ESPnet backends."""
    run = Path(run)
    return run.name if has_own_recogniser(run) and not (run / "decode" / backend).is_dir() else backend


def decoded(run: Path | str, backend: str, set_name: str, omega: float = 0.0) -> Path:
    """Where stage 8 keeps what a backend heard in a set when a share `omega` of the noisy signal was added."""
    return Path(run) / "decode" / backend / (f"{set_name}@{omega:g}" if omega else set_name)


def all_decoded(run: Path | str, backend: str, set_name: str) -> list[Path]:
    """`decoded` for every omega that is there, 0 first, and that for 0 whether it is there or not."""
    found = decoded(run, backend, set_name)
    return [found, *sorted(found.parent.glob(f"{set_name}@*[0-9]"))]


def command() -> str:
    """The command line as the user could type it."""
    return shlex.join(["kdse", *sys.argv[1:]])
