"""Stage 7: the fixed sets as a run's front end enhances them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kdse.approaches.registry import CLASSICAL, ORACLE
from kdse.core.atomic import atomic_dir
from kdse.core.errors import UserError, did_you_mean
from kdse.core.progress import progress
from kdse.core.step import Step, done_hash
from kdse.data.audio import FULL_SCALE, ArkWriter, read_audio, to_int16
from kdse.data.datadir import read_table
from kdse.enhancers.classical import CLASSICAL_ENHANCERS, Enhancer
from kdse.runs.record import write_run
from kdse.runs.selection import allowed_sets
from kdse.training.se_estimates import estimates_of, holds_estimates


def enhance_runs(
    runs: Sequence[Path],
    *,
    approach: str | None,
    corpus: str | None,
    dump: Path,
    sets: Sequence[str],
    selected: str | None = None,
) -> None:
    """Enhance sets with the front ends of runs, skipping those that are done.

    Args:
        runs: experiment folders of trained front ends, or of a classical one to be made.
        approach: the classical front end; None for the run's trained one.
        corpus: in the run.yaml of a classical front end.
        dump: folder of the fixed sets, and `sets` their names.
        selected: file with the runs whose test sets may be enhanced; None for all.

    Raises: UserError for an unknown classical front end, and where something that is needed is not finished.
    """
    if approach is not None and approach not in CLASSICAL:
        raise UserError(f"there is no classical front end '{approach}'{did_you_mean(approach, CLASSICAL)}")
    for run in runs:
        trained = done_hash(run)
        if approach and trained:
            raise UserError(f"{run} is a trained front end; give {approach} a folder of its own")
        if not (approach or trained):
            raise UserError(f"{run} is not finished; run stages 4 and 6 first")
        folders = [dump / name for name in allowed_sets(run.name, sets, selected)]
        worked = enhance_run(run, folders, approach or trained, approach)
        if approach and (worked or not (run / "run.yaml").exists()):
            write_run(run, {}, corpus=corpus, approach=approach, seed=0, params=0)


def enhance_run(run: Path, sets: Sequence[Path], model: str, approach: str | None) -> bool:
    """Enhance the sets that are not done with one front end; whether there was any.

    Args:
        model: what tells it from others: the hash of its training, or its name.
        approach: as of `enhance_runs`.
    """
    enhancer: Enhancer | None = None
    for data in sets:
        state = done_hash(data)
        if state is None:
            raise UserError(f"{data} is not finished; run stage 2 first")
        out, what = run / "enhanced" / data.name, f"{run.name}: enhance {data.name}"
        step = Step(out, {"model": model, "set": state}, what)
        if step.needed():
            enhancer = enhancer or find_enhancer(run, approach)
            enhance_set(data, out, enhancer, what, oracle=approach == ORACLE)
            step.finish()
    return enhancer is not None


def find_enhancer(run: Path, approach: str | None) -> Enhancer:
    """The classical front end of this name, or the one that the run trained."""
    if approach:
        return CLASSICAL_ENHANCERS[approach]
    if holds_estimates(run):
        return estimates_of(run)
    from kdse.enhancers.learned import trained_enhancer  # loads ESPnet, which sets that are done need not wait for

    return trained_enhancer(run)


def enhance_set(data: Path, out: Path, enhancer: Enhancer, what: str, oracle: bool = False) -> None:
    """Write `out`/wav.scp and its archive; the folder appears when it is complete. Samples beyond full scale are clipped.

    Raises: UserError where an oracle finds no clean signals, and for NaN.
    """
    sources = read_table(data / "wav.scp")
    if oracle and not (data / "spk1.scp").exists():
        raise UserError(f"{data} has no spk1.scp; {ORACLE} needs the clean signals and cannot be had for recordings")
    clean_sources = read_table(data / "spk1.scp") if oracle else {}
    with atomic_dir(out) as part, ArkWriter(part / "wav.ark", out / "wav.ark") as ark:
        lines = []
        for utt, source in progress(sorted(sources.items()), what, len(sources)):
            signals = [_wave(source, utt)]
            if oracle:
                signals.append(_wave(clean_sources[utt], utt) if utt in clean_sources else np.zeros(0))
            if len(signals[-1]) != len(signals[0]):
                raise UserError(f"{data / 'spk1.scp'}: utterance {utt} is missing, or not as long as in wav.scp; run stage 2 again")
            estimate = enhancer(*signals)
            assert estimate.shape == signals[0].shape, (utt, estimate.shape, signals[0].shape)
            if not np.isfinite(estimate).all():
                raise UserError(f"the front end {what.split(':')[0]} returned NaN for utterance {utt}; train it again")
            lines.append(f"{utt} {ark.add(utt, to_int16(estimate))}\n")
        (part / "wav.scp").write_text("".join(lines), encoding="utf-8")


def _wave(source: str, utt: str) -> np.ndarray:
    """float32 (N,) in [−1, 1)."""
    return read_audio(source, utt).astype(np.float32) / FULL_SCALE
