"""Stage 5: keep the backend's latents of clean speech, cluster them, and report how good the acoustic tokens are."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from kdse.core.config import read_config
from kdse.core.errors import UserError
from kdse.core.files import write_text
from kdse.core.progress import progress, say
from kdse.core.step import Step, done_hash
from kdse.data.audio import FULL_SCALE
from kdse.data.pack import LatentPack, Pack
from kdse.runs.backends import kind_of
from kdse.tokens.codebook import TokenBook, TokensConfig, fit, purity, save_tokens, spread
from kdse.training.data import by_length
from kdse.training.hypotheses import check_lengths, write_hypotheses

KEPT = ("train", "dev")
"""Clean speech whose latents stay in the folder of the tokens: the targets of `kd`, computed once."""


def make_tokens(*, backend: Path, out: Path, dump: Path, config: Path | None = None) -> None:
    """Write latents, tokens.npz and report.json to `out`, or skip.

    Args:
        backend: folder of stage 3.
        dump: folder of stage 2.
        config: YAML of `TokensConfig`.
    Raises: UserError where the backend is not finished, or has no such layer.
    """
    options = TokensConfig.of(read_config(config) if config else {}, str(config))
    made_by = done_hash(backend)
    if made_by is None:
        raise UserError(f"{backend} is not finished; run stage 3 first")
    state = {"tokens": vars(options), "backend": made_by, "latents": list(KEPT)}
    step = Step(out, state, "acoustic tokens")
    if not step.needed():
        return
    if kind_of(backend).has_decoder:
        check_lengths(dump)
    teacher = load_recogniser(backend, options.layer)
    labels = {name: write_latents(teacher, dump, out, name) for name in KEPT}["train"]
    if kind_of(backend).has_decoder:
        write_hypotheses(backend, dump, out)
    latents = LatentPack(out / "latents_train").array()
    book = fit(latents, options)
    quality = report(book, latents, labels)
    write_text(out / "report.json", json.dumps(quality, indent=1) + "\n")
    save_tokens(out, book)
    step.finish()
    pure = "" if quality["purity"] is None else f", purity {quality['purity']:.2f}"
    say(
        f"tokens: K={options.clusters}, layer {options.layer or 'last'}, {quality['explained_variance']:.0%} of the variance, "
        f"{quality['dead_clusters']} dead{pure} ({out / 'report.json'})"
    )


def load_recogniser(backend: Path, layer: int):
    """The backend as a frozen recogniser with a tapped layer, on the GPU where there is one."""
    # torch and ESPnet: not for a step that is skipped
    import torch

    from kdse.plugin.load import load_teacher

    teacher = load_teacher(backend, None, layer)
    if layer > teacher.layers:
        raise UserError(f"tokens: layer {layer} does not exist; the backend's encoder has {teacher.layers} (0 is its output)")
    return teacher.to(torch.device("cuda" if torch.cuda.is_available() else "cpu"))


def write_latents(teacher, dump: Path, out: Path, name: str) -> np.ndarray | None:
    """Write the latents of a set's clean speech to `out`/latents_<name>; return the labels of its frames, None without CTC."""
    labels: list[np.ndarray] = []

    def latents() -> Iterator[tuple[str, np.ndarray]]:
        for utt, encoded, labelled in _encoded(teacher, Pack(dump / "pack" / f"speech_{name}"), f"latents {name}"):
            labels.extend([] if labelled is None else [labelled])
            yield utt, encoded

    LatentPack.write(out / f"latents_{name}", latents())
    return np.concatenate(labels) if labels else None


def report(book: TokenBook, latents: np.ndarray, labels: np.ndarray | None, blank: int = 0) -> dict[str, Any]:
    """How good the tokens of (U, D) latents are; `labels` are (U,) CTC tokens, None for a backend without CTC."""
    tokens = book.assign(latents)
    clusters = len(book.centroids)
    sizes = np.bincount(tokens, minlength=clusters)
    pure = spoken_pure = None  # without CTC, frames have no labels
    if labels is not None:
        spoken, pure = labels != blank, purity(tokens, labels)
        spoken_pure = purity(tokens[spoken], labels[spoken]) if spoken.any() else None
    return {
        "layer": book.layer,
        "clusters": clusters,
        "frames": len(latents),
        "distance": book.distance,
        "explained_variance": 1 - book.distance / spread(latents),
        "dead_clusters": int((sizes == 0).sum()),
        "largest_cluster_share": float(sizes.max() / len(tokens)),
        "purity": pure,
        "purity_without_blank": spoken_pure,
    }


def _encoded(teacher, speech: Pack, what: str) -> Iterator[tuple[str, np.ndarray, np.ndarray | None]]:
    """(id, latents (U, D), CTC tokens (U,) or None) of the clean utterances of a pack."""
    import torch

    with torch.inference_mode():
        for batch in progress(by_length(speech, teacher.at_once), what):
            waves = [torch.from_numpy(speech[utt].astype(np.float32) / FULL_SCALE) for utt in batch]
            lengths = torch.tensor([len(wave) for wave in waves], device=teacher.device)
            padded = torch.nn.utils.rnn.pad_sequence(waves, batch_first=True).to(teacher.device)
            # the frame labels are the recogniser's own best CTC path on clean training speech
            output = teacher.encode(padded, lengths, posteriors=teacher.ctc is not None)
            for number, (utt, frames) in enumerate(zip(batch, output.frames.tolist(), strict=True)):
                labels = None if output.log_probs is None else output.log_probs[number, :frames].argmax(-1).cpu().numpy()
                yield utt, output.latents[number, :frames].cpu().numpy(), labels
