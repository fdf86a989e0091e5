"""Stage 5, `kdse tokens`: keep the backend's latents of clean speech, cluster them, and report how good the tokens are."""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from kdse.core.config import read_config
from kdse.core.errors import UserError
from kdse.core.files import write_text
from kdse.core.progress import progress, say
from kdse.core.step import Step, done_hash
from kdse.tokens.codebook import TokensConfig, fit, purity, save_tokens, spread

KEPT = ("train", "dev")
"""Clean speech whose latents stay in the folder of the tokens: what `kd` aims at, computed once."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `kdse tokens`."""
    parser.add_argument("--backend", type=Path, required=True, help="folder of stage 3")
    parser.add_argument("--out", type=Path, required=True, help="folder for tokens.npz and report.json")
    parser.add_argument("--dump", type=Path, default=Path("dump"), help="what stage 2 wrote (default: dump)")
    parser.add_argument("--config", type=Path, help="YAML of TokensConfig (default: the defaults in kdse/tokens/codebook.py)")


def run(args: argparse.Namespace) -> None:
    """Make the tokens, or skip."""
    config = TokensConfig.of(read_config(args.config) if args.config else {}, str(args.config))
    backend = done_hash(args.backend)
    if backend is None:
        raise UserError(f"{args.backend} is not finished; run stage 3 first")
    state = {"tokens": vars(config), "backend": backend, "latents": list(KEPT)}
    step = Step(args.out, state, "acoustic tokens")
    if not step.needed():
        return
    import torch

    from kdse.data.pack import LatentPack, Pack
    from kdse.plugin.load import load_backend
    from kdse.plugin.teacher import FrozenTeacher

    asr, _ = load_backend(args.backend)
    blocks = len(getattr(asr.encoder, "encoders", ()))
    if config.layer > blocks:
        raise UserError(f"tokens: layer {config.layer} does not exist; the backend's encoder has {blocks} (0 is its output)")
    teacher, labels = FrozenTeacher(asr, config.layer).to(torch.device("cuda" if torch.cuda.is_available() else "cpu")), {}
    for name in KEPT:
        speech = Pack(args.dump / "pack" / f"speech_{name}")
        LatentPack.write(args.out / f"latents_{name}", _latents(teacher, speech, labels.setdefault(name, []), f"latents {name}"))
    latents, labels = LatentPack(args.out / "latents_train").array(), np.concatenate(labels["train"]) if asr.ctc else None
    book = fit(latents, config)
    tokens = book.assign(latents)
    sizes = np.bincount(tokens, minlength=config.clusters)
    pure = spoken_pure = None  # without CTC, frames have no labels
    if labels is not None:
        spoken, pure = labels != asr.blank_id, purity(tokens, labels)
        spoken_pure = purity(tokens[spoken], labels[spoken]) if spoken.any() else None
    report = {
        "layer": config.layer,
        "clusters": config.clusters,
        "frames": len(latents),
        "distance": book.distance,
        "explained_variance": 1 - book.distance / spread(latents),
        "dead_clusters": int((sizes == 0).sum()),
        "largest_cluster_share": float(sizes.max() / len(tokens)),
        "purity": pure,
        "purity_without_blank": spoken_pure,
    }
    write_text(args.out / "report.json", json.dumps(report, indent=1) + "\n")
    save_tokens(args.out, book)
    step.finish()
    said = "" if pure is None else f", purity {pure:.2f}"
    say(
        f"tokens: K={config.clusters}, layer {config.layer or 'last'}, {report['explained_variance']:.0%} of the variance, "
        f"{report['dead_clusters']} dead{said} ({args.out / 'report.json'})"
    )


def _latents(teacher, speech, labels: list[np.ndarray], what: str) -> Iterator[tuple[str, np.ndarray]]:
    """(id, latents (U, D)) of the clean utterances of a pack; to `labels` go the CTC tokens (U,) of its frames."""
    import torch

    device = next(teacher.asr.parameters()).device
    with torch.inference_mode():
        for utt in progress(speech.clean, what, len(speech.clean)):
            wave = torch.from_numpy(speech[utt].astype(np.float32) / 32768)[None].to(device)
            lengths = torch.tensor([wave.shape[1]], device=device)
            latents, frames, _ = teacher.listen(wave, lengths)
            # the frame labels are the recogniser's own best CTC path on clean training speech
            if teacher.asr.ctc is not None:
                out = latents if not teacher.layer else _output(teacher, wave, lengths)
                labels.append(teacher.asr.ctc.argmax(out)[0, : frames[0]].cpu().numpy())
            yield utt, latents[0, : frames[0]].cpu().numpy()


def _output(teacher, wave, lengths):
    out = teacher.asr.encode(wave, lengths)[0]
    return out[0] if isinstance(out, tuple) else out
