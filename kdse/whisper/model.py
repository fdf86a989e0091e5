"""Encoder and decoder, frozen; names and order of the arrays are CTranslate2's.

Matrices may be of bfloat16, which some processors multiply in hardware; norms, sums of residuals and softmax stay in float32.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from kdse.core.errors import UserError
from kdse.whisper.features import HOP, LogMel
from kdse.whisper.weights import read_model

FRAME = 2 * HOP
"""Samples of an encoder frame, 20 ms."""
HEAD = 64
"""Values of an attention head in every Whisper."""
Linear = Callable[[Tensor, str], Tensor]


class Part(nn.Module):
    """Arrays of one prefix as buffers, and the operations that read them.

    Args:
        weights: {name: array} of the whole model.
        prefix: "encoder" or "decoder".
        dtype: of matrices; vectors stay float32.
    """

    def __init__(self, weights: Mapping[str, Tensor], prefix: str, dtype: torch.dtype):
        super().__init__()
        self.dtype = dtype
        for name, array in weights.items():
            if name.startswith(f"{prefix}/"):
                matrix = array.ndim > 1 and "position" not in name
                self.register_buffer(_key(name[len(prefix) + 1 :]), array.to(dtype if matrix else torch.float32))
        self.layers = 1 + max((int(name.split("/")[1][6:]) for name in weights if _is_layer(name, prefix)), default=-1)

    def get(self, name: str) -> Tensor:
        return self._buffers[_key(name)]

    def linear(self, x: Tensor, name: str) -> Tensor:
        """A product in `dtype`, which is that of the result."""
        bias = self._buffers.get(_key(f"{name}/bias"))
        return F.linear(x.to(self.dtype), self.get(f"{name}/weight"), None if bias is None else bias.to(self.dtype))

    def norm(self, x: Tensor, name: str) -> Tensor:
        return F.layer_norm(x, x.shape[-1:], self.get(f"{name}/gamma"), self.get(f"{name}/beta"))

    def attend(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, causal: bool = False) -> Tensor:
        """(B, V, D) attention of queries to (B, U, D) keys and values; `mask` (B, 1, 1, U) or (V, U) is true where they count."""
        q, k, v = (x.to(self.dtype).unflatten(2, (-1, HEAD)).transpose(1, 2) for x in (q, k, v))
        attention = _products if self.dtype is torch.bfloat16 and q.device.type == "cpu" else F.scaled_dot_product_attention
        return attention(q, k, v, attn_mask=mask, is_causal=causal).transpose(1, 2).flatten(2)

    def feed_forward(self, x: Tensor, layer: str) -> Tensor:
        inner = F.gelu(self.linear(self.norm(x, f"{layer}/ffn/layer_norm"), f"{layer}/ffn/linear_0"))
        return x + self.linear(inner, f"{layer}/ffn/linear_1")


class Encoder(Part):
    """Features -> latents, every 20 ms."""

    def forward(self, features: Tensor, frames: Tensor | None = None, taps: tuple[int, ...] = ()) -> tuple[Tensor, list[Tensor]]:
        """(B, 80, T) features -> (B, T // 2, D) latents and those of the layers `taps`, counted from 1.

        Args:
            frames: (B,) numbers of latents that count; others are not attended to. None: all count.
        """
        # what follows an utterance is what convolutions see past the end of a single one: zeros
        counted = 1.0 if frames is None else frame_mask(2 * frames, features.shape[2])[:, 0]
        x = F.gelu(self._convolve(features * counted, "conv1", 1)) * counted
        x = F.gelu(self._convolve(x, "conv2", 2)).transpose(1, 2)
        x = x + self.get("position_encodings/encodings")[: x.shape[1]]
        mask = None if frames is None else frame_mask(frames, x.shape[1])
        tapped = []
        for number in range(self.layers):
            layer = f"layer_{number}"
            q, k, v = self.linear(self.norm(x, f"{layer}/self_attention/layer_norm"), f"{layer}/self_attention/linear_0").chunk(
                3, -1
            )
            x = x + self.linear(self.attend(q, k, v, mask), f"{layer}/self_attention/linear_1")
            x = self.feed_forward(x, layer)
            if number + 1 in taps:
                tapped.append(x)
        return self.norm(x, "layer_norm"), tapped

    def _convolve(self, x: Tensor, name: str, stride: int) -> Tensor:
        weight, bias = self.get(f"{name}/weight"), self.get(f"{name}/bias")
        return F.conv1d(x.to(self.dtype), weight, bias.to(self.dtype), stride=stride, padding=1).float()


class Decoder(Part):
    """Tokens and latents -> logits of the next token."""

    def forward(self, tokens: Tensor, latents: Tensor, frames: Tensor) -> Tensor:
        """(B, V) tokens, (B, U, D) latents with (B,) frames -> (B, V, n) logits, those at v of the token after the v-th."""
        x = self._embed(tokens, 0)
        mask = frame_mask(frames, latents.shape[1])
        for number in range(self.layers):
            layer = f"layer_{number}"
            q, k, v = self._self_projections(x, layer)
            x = x + self.linear(self.attend(q, k, v, causal=True), f"{layer}/self_attention/linear_1")
            x = self._attend_to_speech(x, self.speech(latents, layer), mask, layer)
            x = self.feed_forward(x, layer)
        return self._logits(x)

    def step(self, tokens: Tensor, position: int, speech: list, past: list, mask: Tensor) -> Tensor:
        """One more token each, (B,) at a position -> (B, n) logits; `past` holds keys and values of the tokens before, and grows.

        Args:
            speech: what `speech` returned for each layer.
            mask: (B, 1, 1, U), of the frames that count.
        """
        x = self._embed(tokens[:, None], position)
        for number in range(self.layers):
            layer = f"layer_{number}"
            q, k, v = self._self_projections(x, layer)
            if past[number] is not None:
                k, v = torch.cat([past[number][0], k], 1), torch.cat([past[number][1], v], 1)
            past[number] = (k, v)
            x = x + self.linear(self.attend(q, k, v), f"{layer}/self_attention/linear_1")
            x = self._attend_to_speech(x, speech[number], mask, layer)
            x = self.feed_forward(x, layer)
        return self._logits(x)[:, 0]

    def speech(self, latents: Tensor, layer: str) -> tuple[Tensor, Tensor]:
        """Keys and values (B, U, D) that a layer has of the latents."""
        return self.linear(latents, f"{layer}/attention/linear_1").chunk(2, -1)

    def _embed(self, tokens: Tensor, position: int) -> Tensor:
        positions = self.get("position_encodings/encodings")[position : position + tokens.shape[1]]
        return self.get("embeddings/weight")[tokens].float() + positions

    def _self_projections(self, x: Tensor, layer: str) -> tuple[Tensor, ...]:
        return self.linear(self.norm(x, f"{layer}/self_attention/layer_norm"), f"{layer}/self_attention/linear_0").chunk(3, -1)

    def _attend_to_speech(self, x: Tensor, speech: tuple[Tensor, Tensor], mask: Tensor, layer: str) -> Tensor:
        q = self.linear(self.norm(x, f"{layer}/attention/layer_norm"), f"{layer}/attention/linear_0")
        return x + self.linear(self.attend(q, *speech, mask), f"{layer}/attention/linear_2")

    def _logits(self, x: Tensor) -> Tensor:
        return F.linear(self.norm(x, "layer_norm").to(self.dtype), self.get("embeddings/weight")).float()


class Whisper(nn.Module):
    """Features, encoder and decoder, without parameters: nothing of it can be trained.

    No window of 30 s: an utterance takes as many positions as it has frames, with half a second of silence after it, which the
    caller adds. What is left out is silence that Whisper was trained to ignore.
    """

    def __init__(self, weights: Mapping[str, Tensor], dtype: torch.dtype = torch.float32):
        super().__init__()
        self.features = LogMel(weights["encoder/conv1/weight"].shape[1])
        self.encoder, self.decoder = Encoder(weights, "encoder", dtype), Decoder(weights, "decoder", dtype)
        self.size = self.encoder.get("layer_norm/gamma").shape[0]
        self.positions = self.encoder.get("position_encodings/encodings").shape[0]
        self.vocabulary = self.decoder.get("embeddings/weight").shape[0]

    @classmethod
    def load(cls, model: Path | bytes, dtype: torch.dtype = torch.float32) -> "Whisper":
        """Read CTranslate2's model.bin.

        Raises: UserError where it is none, or lacks arrays.
        """
        where = str(model) if isinstance(model, Path) else "the model"
        try:
            content = model.read_bytes() if isinstance(model, Path) else model
            return cls(read_model(content, where), dtype)
        except OSError as e:
            raise UserError(f"cannot read {where}: {e.strerror}") from e
        except KeyError as e:
            raise UserError(f"{where} is no Whisper model: it has no array {e}") from e

    def encode(self, wave: Tensor, lengths: Tensor, taps: tuple[int, ...] = ()) -> tuple[Tensor, Tensor, list[Tensor]]:
        """(B, N) waveforms with (B,) lengths -> (B, U, D) latents, (B,) frames, and latents of the layers `taps`.

        U is N // 320 and an utterance's frames are its length / 320, rounded up.
        Raises: UserError for waveforms longer than the 30 s that Whisper has positions for.
        """
        wave = F.pad(wave, (0, -wave.shape[1] % FRAME))
        if wave.shape[1] > self.positions * FRAME:
            raise UserError(f"Whisper takes {self.positions * FRAME / 16000:g} s at most, not {wave.shape[1] / 16000:.1f} s")
        frames = (lengths + FRAME - 1) // FRAME
        latents, tapped = self.encoder(self.features(wave), None if int(frames.min()) == wave.shape[1] // FRAME else frames, taps)
        return latents, frames, tapped


def _products(q: Tensor, k: Tensor, v: Tensor, attn_mask: Tensor | None, is_causal: bool) -> Tensor:
    """`F.scaled_dot_product_attention`, written out: its own kernel is slow on a processor, going back through bfloat16."""
    scores = q / HEAD**0.5 @ k.transpose(2, 3)
    if is_causal:
        attn_mask = torch.ones(scores.shape[2:], dtype=torch.bool).tril()
    if attn_mask is not None:
        scores = scores.masked_fill(~attn_mask, float("-inf"))
    return scores.softmax(-1) @ v


def _key(name: str) -> str:
    return name.replace("/", "_")


def _is_layer(name: str, prefix: str) -> bool:
    parts = name.split("/")
    return parts[0] == prefix and parts[1].startswith("layer_") and parts[1][6:].isdigit()


def frame_mask(frames: Tensor, count: int) -> Tensor:
    return (torch.arange(count, device=frames.device) < frames[:, None])[:, None, None]
