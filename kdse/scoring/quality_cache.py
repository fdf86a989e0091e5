"""Quality of the items of a set, computed once and kept in exp/<run>/score/<set>: a state that goes on where it was cut."""

import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from kdse.approaches.registry import NO_FRONT_END
from kdse.core.errors import UserError
from kdse.core.files import fingerprint, sha256, write_text
from kdse.core.parallel import in_processes
from kdse.core.progress import say
from kdse.core.provenance import versions
from kdse.core.step import Step, done_config, done_hash
from kdse.data.audio import RATE, read_audio
from kdse.data.datadir import read_table
from kdse.scoring.items import SetItem, check_same_ids
from kdse.scoring.metrics import FROM_AUDIO
from kdse.scoring.perceptual import no_denormals
from kdse.scoring.quality import quality

LIBRARIES = ("pesq", "pystoi", "fast-bss-eval", "speechmos", "numpy", "scipy", "torch")
"""What the values depend on; a new version computes them again."""

ScoresOfShares = list[tuple[dict[str, float | None], dict[str, str]]]
"""({metric: value}, {metric: why it is missing}) of one item, for each share ω of the mixture."""


@dataclass(frozen=True)
class KeptQuality:
    """The file of a set: a fingerprint, and then `[item, ScoresOfShares]` a line in the order of the items; and its shares."""

    path: Path
    omegas: list[float]

    def __iter__(self) -> Iterator[tuple[str, ScoresOfShares]]:
        with open(self.path, encoding="utf-8") as lines:
            next(lines)
            yield from map(json.loads, lines)


def quality_of_set(
    folder: Path, about: dict, name: str, data: Path, items: dict[str, SetItem], omegas: Sequence[float], nj: int
) -> KeptQuality:
    """Quality of every item for every share ω, computed once for all backends.

    It is computed again where audio, a reference or a library changed, or another share is asked for.

    Args:
        folder, about: the run and its run.yaml.
        name, data: the set and its folder.
    Raises: UserError where the run's enhanced audio is missing or is of other utterances.
    """
    enhanced = folder / "enhanced" / name / "wav.scp"
    estimates = _estimates(enhanced, about, items)
    manifest = data / "manifest.jsonl"
    config = {
        "estimates": fingerprint(estimates),
        "enhanced": enhanced.stat().st_mtime_ns if enhanced.exists() else None,
        "references": fingerprint({key: item.clean for key, item in items.items()}),
        "data": sha256(manifest) if manifest.exists() else done_hash(data),
        "metrics": list(FROM_AUDIO),
        "omegas": list(omegas),
        "versions": versions(LIBRARIES),
    }
    before = done_config(folder / "score" / name)
    if before and set(omegas) != set(before["omegas"]) and before | {"omegas": config["omegas"]} == config:
        config["omegas"] = sorted({*before["omegas"], *omegas})  # backends are tried with shares of their own
    step = Step(folder / "score" / name, config, f"quality of {about['run']} on {name}")
    kept = step.folder / "quality.jsonl"
    needed = step.needed()
    done = _kept_items(kept, config, items)
    if needed or done < len(items):
        _compute(step, kept, items, estimates, done, nj)
    return KeptQuality(kept, config["omegas"])


def _estimates(enhanced: Path, about: dict, items: dict[str, SetItem]) -> dict[str, str]:
    """{item id: audio that is scored}: enhanced, or without a front end the noisy signal."""
    if enhanced.exists():
        estimates = read_table(enhanced)
        check_same_ids(items, estimates, enhanced)
        return estimates
    if about["approach"] == NO_FRONT_END:
        return {key: item.noisy for key, item in items.items()}
    raise UserError(f"there is no {enhanced}, yet {about['run']} has a front end; enhance the set first (stage 7)")


def _compute(step: Step, kept: Path, items: dict[str, SetItem], estimates: dict[str, str], done: int, nj: int) -> None:
    """Score the items that are left, in `nj` processes, and finish the step."""
    import torch  # here: a set that was scored before needs it not; and before the processes start, so that they have it

    torch.set_num_threads(1)
    if nj > 1:
        _load_metrics()
    if not done:
        write_text(kept, json.dumps(fingerprint(step.config)) + "\n")
    else:
        say(f"{step.what}: goes on after {done} of {len(items)} items")
    left = itertools.islice(items.items(), done, None)
    work = [(key, item.clean, item.noisy, estimates[key], step.config["omegas"]) for key, item in left]
    with open(kept, "a", encoding="utf-8") as f:
        for key, scores in in_processes(_quality_of_item, work, nj, step.what):
            f.write(json.dumps([key, scores]) + "\n")
            f.flush()
    step.finish()


@cache
def _load_metrics() -> None:
    """Score one second of noise, so that processes start with what the metrics import and tabulate at their first call.

    It takes seconds, and a result of several sets has processes for each. DNSMOS is left to them, since its networks are not to be
    shared between processes.
    """
    noise = np.random.default_rng(0).uniform(-0.1, 0.1, (2, RATE))
    quality(noise[0], noise.sum(axis=0), "noise", noise.sum(axis=0))


def _kept_items(path: Path, config: dict, items: Iterable[str]) -> int:
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


def _quality_of_item(work: tuple[str, str | None, str, str, Sequence[float]]) -> tuple[str, ScoresOfShares]:
    key, clean, noisy, estimate, omegas = work
    reference, mixture, enhanced = (None if path is None else read_audio(path, key) for path in (clean, noisy, estimate))
    with no_denormals():
        return key, quality(reference, enhanced, key, mixture, omegas)
