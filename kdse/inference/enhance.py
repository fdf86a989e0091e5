"""Stage 7, `kdse enhance`: a run's front end on the fixed sets, as Kaldi archives of int16 WAV."""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np

from kdse.core.errors import UserError, did_you_mean
from kdse.core.files import atomic_dir
from kdse.core.progress import progress
from kdse.core.step import Step, done_hash
from kdse.enhancers.classical import CLASSICAL, ORACLE, log_mmse, oracle_irm, spectral_subtraction, wiener
from kdse.inference.device import add_device, use_device
from kdse.runs.record import write_run
from kdse.runs.selection import allowed_sets

Enhancer = Callable[..., np.ndarray]
"""Of one float32 waveform (N,) in [−1, 1]; an oracle also takes the clean one."""


LEARNED_NOTHING: dict[str, Enhancer] = {
    "spectral_subtraction": spectral_subtraction,
    "wiener": wiener,
    "log_mmse": log_mmse,
    "oracle_irm": oracle_irm,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `kdse enhance`."""
    parser.add_argument(
        "--run",
        type=Path,
        nargs="+",
        required=True,
        help="experiment folders of trained front ends, or of a classical one to be made",
    )
    parser.add_argument(
        "--approach", help=f"front end without training: one of {', '.join(CLASSICAL)} (default: the run's trained one)"
    )
    parser.add_argument("--corpus", help="corpus name of a classical front end's rows")
    parser.add_argument("--dump", type=Path, default=Path("dump"), help="what stage 2 wrote (default: dump)")
    parser.add_argument("--sets", nargs="+", required=True, metavar="SET", help="fixed sets in the dump folder")
    parser.add_argument("--selected", metavar="FILE", help="enhance test sets only for the runs it names (selected.yaml)")
    add_device(parser)


def run(args: argparse.Namespace) -> None:
    """Enhance the sets, skipping those that are done."""
    if args.approach is not None and args.approach not in CLASSICAL:
        raise UserError(f"there is no classical front end '{args.approach}'{did_you_mean(args.approach, CLASSICAL)}")
    use_device(args.ngpu)
    for run_folder in args.run:
        enhance_run(run_folder, args)


def enhance_run(run_folder: Path, args: argparse.Namespace) -> None:
    """Enhance the sets with one front end."""
    model = args.approach or done_hash(run_folder)
    if args.approach and done_hash(run_folder):
        raise UserError(f"{run_folder} is a trained front end; give {args.approach} a folder of its own")
    if model is None:
        raise UserError(f"{run_folder} is not finished; run stages 4 and 6 first")
    enhancer: Enhancer | None = None
    worked = False
    for name in allowed_sets(run_folder.name, args.sets, args.selected):
        out, what = run_folder / "enhanced" / name, f"{run_folder.name}: enhance {name}"
        state = done_hash(args.dump / name)
        if state is None:
            raise UserError(f"{args.dump / name} is not finished; run stage 2 first")
        step = Step(out, {"model": model, "set": state}, what)
        if step.needed():
            enhancer = enhancer or (LEARNED_NOTHING[args.approach] if args.approach else trained(run_folder))
            enhance_set(args.dump / name, out, enhancer, what, oracle=args.approach == ORACLE)
            step.finish()
            worked = True
    if args.approach and (worked or not (run_folder / "run.yaml").exists()):
        write_run(run_folder, {}, corpus=args.corpus, approach=args.approach, seed=0, params=0)


def trained(run: Path) -> Enhancer:
    """The front end of a training run as a function of one float32 waveform (N,) in [−1, 1]."""
    import torch

    from kdse.plugin.load import load_front_end
    from kdse.plugin.model import enhance

    device = "cuda" if torch.cuda.is_available() else "cpu"
    model, _ = load_front_end(run, device)

    def one(noisy: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            wave = torch.from_numpy(noisy)[None].to(device)
            return enhance(model, wave, torch.tensor([wave.shape[1]], device=device))[0].cpu().numpy()

    return one


def enhance_set(data: Path, out: Path, enhancer: Enhancer, what: str, oracle: bool = False) -> None:
    """Write `out`/wav.scp and its archive; the folder appears when it is complete. Samples beyond full scale are clipped.

    Raises: UserError where an oracle finds no clean signals, and for NaN.
    """
    from kdse.data.audio import ArkWriter, read_audio
    from kdse.data.datadir import read_table

    sources = read_table(data / "wav.scp")
    if oracle and not (data / "spk1.scp").exists():
        raise UserError(f"{data} has no spk1.scp; {ORACLE} needs the clean signals and cannot be had for recordings")
    clean = read_table(data / "spk1.scp") if oracle else {}

    def wave(source: str, utt: str) -> np.ndarray:
        return read_audio(source, utt).astype(np.float32) / 32768

    with atomic_dir(out) as part, ArkWriter(part / "wav.ark", out / "wav.ark") as ark:
        lines = []
        for utt, source in progress(sorted(sources.items()), what, len(sources)):
            noisy = wave(source, utt)
            given = [noisy, wave(clean[utt], utt) if utt in clean else noisy[:0]] if oracle else [noisy]
            if len(given[-1]) != len(noisy):
                raise UserError(f"{data / 'spk1.scp'}: utterance {utt} is missing, or not as long as in wav.scp; run stage 2 again")
            found = enhancer(*given)
            assert found.shape == noisy.shape, (utt, found.shape, noisy.shape)
            if not np.isfinite(found).all():
                raise UserError(f"the front end {what.split(':')[0]} returned NaN for utterance {utt}; train it again")
            samples = np.clip(np.rint(found * 32768), -32768, 32767).astype(np.int16)
            lines.append(f"{utt} {ark.add(utt, samples)}\n")
        (part / "wav.scp").write_text("".join(lines), encoding="utf-8")
