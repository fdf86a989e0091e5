"""`kdse bench train`: how fast the trainings of a recipe are, loader and optimiser included, as ratios of one run."""

import argparse
import itertools
import json
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from kdse.core.errors import UserError
from kdse.core.files import read_yaml
from kdse.core.progress import say
from kdse.data.audio import RATE

CASES = ("backend", "standalone_se", "kd", "kd, live targets", "frozen encoder", "ESPnet enh_s2t")
"""What is timed. The frozen encoder is one forward of the recogniser and one backward to its input, on kd's batches. ESPnet's own
joint training has the same front end and recogniser, trains both, and reads speech that was mixed before, with its own loader."""
AIMS = {"backend": 110.0, "kd": 60.0}
"""Seconds of audio a second, on two cores."""
WARM_UP = 5


def add_arguments(kinds) -> None:
    """Arguments of `kdse bench train`."""
    sub = kinds.add_parser("train", help="seconds of audio a second, and peak memory, of each training", description=__doc__)
    sub.add_argument("--backend", type=Path, default=Path("exp/asr_conformer"), help="trained by stage 3 (default: %(default)s)")
    sub.add_argument("--kd", type=Path, default=Path("exp/kd_bandcrn-m_seed0"), help="trained by stage 6 (default: %(default)s)")
    sub.add_argument(
        "--updates", type=int, default=200, help="timed updates of each, after a few that are not (default: %(default)s)"
    )
    sub.add_argument("--case", choices=CASES, help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> None:
    """Time every case in a process of its own, one after another, and print the table."""
    if args.updates < 1:
        raise UserError(f"--updates must be 1 or more, not {args.updates}")
    for folder in (args.backend, args.kd):
        if not (folder / "train.yaml").exists():
            raise UserError(f"{folder} is no training; run the recipe's stages 3 to 6 first, then this in the recipe's folder")
    data = dev_set(read_yaml(args.kd / "train.yaml"))
    for needed in (args.backend / "config.yaml", data / "spk1.scp"):
        if not needed.exists():
            raise UserError(f"there is no {needed}; run the recipe's stages 2 to 6 first, then this in the recipe's folder")
    if args.case:
        print(json.dumps(time_case(args.case, args.backend, args.kd, args.updates)))
        return
    print(table(each(CASES, "train", "--backend", args.backend, "--kd", args.kd, "--updates", args.updates)))


def each(cases: Iterable[str], *words: object) -> dict[str, dict[str, float]]:
    """What `kdse bench WORDS --case CASE` prints for every case, each in a process of its own, one after another.

    Raises: UserError with the last line of a case that failed.
    """
    found = {}
    for case in cases:
        command = [sys.executable, "-m", "kdse.cli", "bench", *map(str, words), "--case", case]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise UserError(f"{case}: {done.stderr.strip().splitlines()[-1]}")
        found[case] = json.loads(done.stdout.splitlines()[-1])
        say(f"{case}: {found[case]['updates']} minibatches in {found[case]['seconds']:.1f} s")
    return found


def table(found: dict[str, dict[str, float]]) -> str:
    """The numbers side by side, and what kd costs beside its parts."""
    lines = [f"{'training':18} {'audio s/s':>10} {'aim':>5} {'s/update':>9} {'peak MB':>8}"]
    for case, f in found.items():
        aim = f"{AIMS[case]:.0f}" if case in AIMS else ""
        speed = f["audio"] / f["seconds"]
        lines.append(f"{case:18} {speed:10.1f} {aim:>5} {f['seconds'] / f['updates']:9.3f} {f['memory']:8.0f}")
    step = {case: f["seconds"] / f["updates"] for case, f in found.items()}
    parts = step["standalone_se"] + step["frozen encoder"]
    lines.append(
        f"a kd step costs {step['kd'] / parts:.2f} of (a standalone_se step + the frozen encoder, there and back); aim 1.10"
    )
    lines.append(f"computing kd's targets at every step would cost {step['kd, live targets'] / step['kd']:.2f} of that")
    per_second = {case: f["seconds"] / f["audio"] for case, f in found.items()}
    lines.append(
        f"a second of speech costs {per_second['kd'] / per_second['ESPnet enh_s2t']:.2f} of what it costs ESPnet's enh_s2t"
    )
    return "\n".join(lines)


def time_case(case: str, backend: Path, kd: Path, updates: int) -> dict[str, float]:
    """Time one training as ESPnet's trainer does it: batch from the loader, loss, gradients, clipping, optimiser.

    Returns: updates, seconds, unpadded seconds of audio, and the process's peak memory in MB.
    """
    import resource
    import tempfile

    import torch

    from kdse.plugin.task import DistillationTask, MixingASRTask

    config = read_yaml((backend if case == "backend" else kd) / "train.yaml")
    task = MixingASRTask if case == "backend" else DistillationTask
    if case == "standalone_se":
        config["kdse_conf"] |= {"approach": "standalone_se", "approach_conf": {}}
    if case in ("standalone_se", "kd, live targets"):
        config["train_data_path_and_name_and_type"] = config["train_data_path_and_name_and_type"][:1]  # the waveforms alone
    with tempfile.TemporaryDirectory() as scratch:
        if case == "ESPnet enh_s2t":
            from kdse.plugin.espnet import EnhS2TTask as task

            config = joint_config(config, read_yaml(backend / "config.yaml"), backend, Path(scratch))
        args = argparse.Namespace(**{**vars(task.get_parser().parse_args([])), **config})
        torch.manual_seed(args.seed)
        model = task.build_model(args).train()
        optimisers = task.build_optimizers(args, model)
        step = _heard_only(model) if case == "frozen encoder" else trained(model, optimisers, args.grad_clip)
        seconds, audio = timed(step, batches_of(task, args), updates)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"updates": updates, "seconds": seconds, "audio": audio, "memory": memory}


def joint_config(front_end: dict, recogniser: dict, backend: Path, folder: Path) -> dict:
    """The configuration of ESPnet's SE + ASR task with the front end of one training and the recogniser of another.

    Its data are the fixed noisy dev set, which has noisy and clean speech and texts as that task wants them; they are written to
    `folder`.
    """
    data = dev_set(front_end)
    _files(data, folder)
    files = [(folder / "wav.scp", "speech", "sound"), (folder / "spk1.scp", "speech_ref1", "sound")]
    files.append((data / "text", "text_spk1", "text"))
    shared = ("frontend", "frontend_conf", "specaug", "specaug_conf", "normalize", "normalize_conf", "token_list", "token_type")
    training = ("batch_type", "batch_bins", "num_workers", "num_iters_per_epoch", "seed", "grad_clip", "optim", "optim_conf")
    shared += ("ctc_conf",)
    layers = [f"{name}{end}" for name in ("preencoder", "encoder", "postencoder", "decoder", "model") for end in ("", "_conf")]
    networks = ("encoder", "encoder_conf", "separator", "separator_conf", "decoder", "decoder_conf")
    return {
        **{f"enh_{name}": front_end[name] for name in networks if name in front_end},
        **{f"asr_{name}": recogniser[name] for name in layers if name in recogniser},
        **{name: recogniser[name] for name in shared if name in recogniser},
        **{name: front_end[name] for name in training if name in front_end},
        "enh_criterions": [{"name": "snr", "conf": {}, "wrapper": "fixed_order", "wrapper_conf": {}}],
        "subtask_series": ["enh", "asr"],
        "bpemodel": str(backend / "bpe.model"),
        "use_preprocessor": True,
        "text_name": ["text_spk1"],
        "train_data_path_and_name_and_type": [(str(file), name, kind) for file, name, kind in files],
        "train_shape_file": [str(folder / "shape")],
    }


def dev_set(front_end: dict) -> Path:
    """The fixed noisy dev set of the dump folder that a training's noise came from."""
    return Path(front_end["mix_conf"]["noise_valid"]).parents[1] / "dev_noisy"


def _files(data: Path, folder: Path) -> None:
    """Write the noisy and clean signals of a data dir as WAV files, with ESPnet's lists of files and lengths."""
    import soundfile

    from kdse.data.audio import read_audio
    from kdse.data.datadir import read_table

    for name in ("wav", "spk1"):
        lines, lengths = [], []
        for utt, source in read_table(data / f"{name}.scp").items():
            samples, path = read_audio(source, utt), folder / f"{name}_{utt}.wav"
            soundfile.write(path, samples, RATE)
            lines.append(f"{utt} {path}\n")
            lengths.append(f"{utt} {len(samples)}\n")
        (folder / f"{name}.scp").write_text("".join(lines))
        (folder / "shape").write_text("".join(lengths))


def batches_of(task, args):
    """The batches of epoch after epoch."""
    from kdse.plugin.espnet import DistributedOption

    factory = task.build_iter_factory(args, DistributedOption(), "train")
    for epoch in itertools.count(1):
        for _, batch in factory.build_iter(epoch):
            yield batch


def timed(step, batches, updates: int) -> tuple[float, float]:
    """Seconds for `updates` steps, waiting for batches included, and seconds of speech in them without padding."""
    for batch in itertools.islice(batches, WARM_UP):
        step(batch)
    started, audio = time.perf_counter(), 0.0
    for batch in itertools.islice(batches, updates):
        step(batch)
        audio += float(next(batch[name] for name in ("speech_mix_lengths", "speech_lengths") if name in batch).sum()) / RATE
    return time.perf_counter() - started, audio


def trained(model, optimisers: list, clip: float):
    """A training step, as ESPnet's trainer does it; a model that returns a dict names the optimiser that moves."""
    import torch

    def step(batch) -> None:
        found = model(**batch)
        loss, number = (found["loss"], found["optim_idx"]) if isinstance(found, dict) else (found[0], 0)
        optimisers[number].zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimisers[number].step()

    return step


def _heard_only(model):
    """One forward of the frozen recogniser and one backward to its input."""

    def step(batch) -> None:
        wave = batch["speech_mix"].requires_grad_(True)
        model.teacher.listen(wave, batch["speech_mix_lengths"]).latents.square().mean().backward()

    return step
