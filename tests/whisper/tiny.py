"""A Whisper of two layers with random weights, written as CTranslate2 writes models."""

import struct
from pathlib import Path

import numpy as np
import pytest

from kdse.cli import main
from kdse.data.pack import Pack

SIZE, LAYERS, POSITIONS, VOCABULARY = 64, 2, 1500, 51864


def arrays(seed: int = 0) -> dict[str, np.ndarray]:
    """{name: float16 array}, names and shapes as in the models of OpenAI."""
    rng = np.random.default_rng(seed)
    made: dict[str, np.ndarray] = {}

    def matrix(name: str, *shape: int) -> None:
        made[f"{name}/weight"] = rng.normal(0, shape[-1] ** -0.5, shape)
        made[f"{name}/bias"] = rng.normal(0, 0.1, shape[:1])

    def norm(name: str) -> None:
        made[f"{name}/gamma"], made[f"{name}/beta"] = rng.normal(1, 0.1, SIZE), rng.normal(0, 0.1, SIZE)

    matrix("encoder/conv1", SIZE, 80, 3)
    matrix("encoder/conv2", SIZE, SIZE, 3)
    for part in ("encoder", "decoder"):
        for number in range(LAYERS):
            layer = f"{part}/layer_{number}"
            attentions = {"self_attention": (3, 1)} | ({"attention": (1, 2, 1)} if part == "decoder" else {})
            for attention, products in attentions.items():
                norm(f"{layer}/{attention}/layer_norm")
                for index, times in enumerate(products):
                    matrix(f"{layer}/{attention}/linear_{index}", times * SIZE, SIZE)
            norm(f"{layer}/ffn/layer_norm")
            matrix(f"{layer}/ffn/linear_0", 4 * SIZE, SIZE)
            matrix(f"{layer}/ffn/linear_1", SIZE, 4 * SIZE)
        norm(f"{part}/layer_norm")
        made[f"{part}/position_encodings/encodings"] = rng.normal(0, 0.1, (POSITIONS if part == "encoder" else 448, SIZE))
    made["decoder/embeddings/weight"] = rng.normal(0, 0.3, (VOCABULARY, SIZE))
    return {name: array.astype(np.float16) for name, array in made.items()}


def write(values: dict[str, np.ndarray], spec: str = "WhisperSpec", version: int = 6) -> bytes:
    """The content of model.bin."""
    kinds = {np.dtype(kind): number for number, kind in enumerate((np.float32, np.int8, np.int16, np.int32, np.float16))}

    def text(value: str) -> bytes:
        return struct.pack("<H", len(value) + 1) + value.encode() + b"\0"

    content = struct.pack("<I", version) + text(spec) + struct.pack("<II", 3, len(values))
    for name, array in values.items():
        content += text(name) + struct.pack(f"<B{array.ndim}I", array.ndim, *array.shape)
        content += struct.pack("<BI", kinds[array.dtype], array.nbytes) + array.tobytes()
    return content


def write_stage_5(whisper: Path, tokens: Path, packs: Path, config: Path) -> None:
    """Stage 5 with hypotheses of one word: the tiny model has no search of CTranslate2's."""
    import kdse.training.tokens as stage

    def hypotheses(backend: Path, dump: Path, out: Path) -> None:
        for name in ("train", "dev"):
            lines = (f"{utt} 11 {12 + number}\n" for number, utt in enumerate(Pack(dump / "pack" / f"speech_{name}")))
            (out / f"hypotheses_{name}").write_text("".join(lines))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stage, "write_hypotheses", hypotheses)
        words = ["--backend", whisper, "--dump", packs, "--config", config, "--out", tokens]
        assert main(["tokens", *map(str, words)]) == 0
