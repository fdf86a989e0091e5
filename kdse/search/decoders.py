"""ESPnet's attention decoders, one label at a time for many hypotheses of many utterances; parameters are the model's own."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from kdse.core.errors import UserError

CACHED = 1 << 18
"""Numbers of a temporary that stays in the caches."""


class TransformerSteps:
    """ESPnet's TransformerDecoder on W hypotheses of each utterance.

    Keys and values of the encoder's latents are computed once. Those of the labels stay where they were first written; which of
    them are a hypothesis's own is kept as the slots it came through, and a mask shows it no others. So nothing is copied when
    hypotheses are reordered, and the encoder's keys serve all hypotheses of an utterance.

    Args:
        decoder: TransformerDecoder.
        latents: (B, U, D) of the encoder.
        frames: (B,) valid frames.
        beam: W.
        longest: labels that a hypothesis can have.
    """

    def __init__(self, decoder: nn.Module, latents: Tensor, frames: Tensor, beam: int, longest: int):
        self.decoder, self.beam, self.step_number = decoder, beam, 0
        self.heads, size = decoder.decoders[0].self_attn.h, latents.shape[2]
        self.positions = _positions(decoder.embed[1], longest, latents)
        self.mask = (torch.arange(latents.shape[1], device=latents.device) < frames[:, None])[:, None, None]
        self.memory = []
        for layer in decoder.decoders:
            keys, values = self._keys(layer.src_attn, latents)
            self.memory.append((layer.src_attn.k_norm(keys), values))
        shape = (len(latents), self.heads, beam * 16, size // self.heads)
        self.past = [(latents.new_empty(shape), latents.new_empty(shape)) for _ in decoder.decoders]
        self.slots = torch.zeros((len(latents), beam, 0), dtype=torch.long, device=latents.device)
        self.joined = [_joined(layer.self_attn) for layer in decoder.decoders]

    def _split(self, x: Tensor) -> Tensor:
        return x.view(*x.shape[:2], self.heads, -1).transpose(1, 2)

    def _keys(self, attention: nn.Module, x: Tensor) -> tuple[Tensor, Tensor]:
        return self._split(attention.linear_k(x)), self._split(attention.linear_v(x))

    def scores(self, labels: Tensor) -> Tensor:
        """Log-probabilities (B, W, V) of what follows the last labels (B, W)."""
        number, beam, decoder = self.step_number, self.beam, self.decoder
        own = torch.arange(beam, device=labels.device).expand(len(labels), beam)
        self.slots = torch.cat([self.slots, own[..., None]], 2)
        if self.past[0][0].shape[2] < (number + 1) * beam:
            self.past = [tuple(F.pad(x, (0, 0, 0, x.shape[2])) for x in pair) for pair in self.past]
        visible = torch.zeros((len(labels), beam, number + 1, beam), dtype=torch.bool, device=labels.device)
        visible = visible.scatter_(3, self.slots[..., None], True).flatten(2)[:, None]
        here, upto = slice(number * beam, (number + 1) * beam), (number + 1) * beam
        scale, offset = self.positions
        x = decoder.embed[0](labels) * scale + offset[number]
        for layer, joined, past, (memory_keys, memory_values) in zip(decoder.decoders, self.joined, self.past, self.memory):
            before = layer.normalize_before
            y = layer.norm1(x) if before else x
            q, k, v = (self._split(part) for part in F.linear(y, *joined).chunk(3, 2))
            past[0][:, :, here], past[1][:, :, here] = layer.self_attn.k_norm(k), v
            attended = self._attend(layer.self_attn, q, past[0][:, :, :upto], past[1][:, :, :upto], visible)
            x = x + (layer.concat_linear1(torch.cat([y, attended], 2)) if layer.concat_after else attended)
            x = x if before else layer.norm1(x)
            y = layer.norm2(x) if before else x
            q = self._split(layer.src_attn.linear_q(y))
            attended = self._attend(layer.src_attn, q, memory_keys, memory_values, self.mask)
            x = x + (layer.concat_linear2(torch.cat([y, attended], 2)) if layer.concat_after else attended)
            x = x if before else layer.norm2(x)
            x = x + layer.feed_forward(layer.norm3(x) if before else x)
            x = x if before else layer.norm3(x)
        self.step_number += 1
        x = decoder.after_norm(x) if decoder.normalize_before else x
        return decoder.output_layer(x).log_softmax(-1)

    def _attend(self, attention: nn.Module, q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
        out = F.scaled_dot_product_attention(attention.q_norm(q), k, v, mask)
        return attention.linear_out(out.transpose(1, 2).flatten(2))

    def select(self, parents: Tensor) -> None:
        """Go on with the hypotheses `parents` (B, W)."""
        self.slots = self.slots.gather(1, parents[..., None].expand(-1, -1, self.slots.shape[2]))

    def keep(self, rows: Tensor) -> None:
        """Go on with these utterances only."""
        self.mask, self.slots = self.mask[rows], self.slots[rows]
        self.memory = [(k[rows], v[rows]) for k, v in self.memory]
        self.past = [(k[rows], v[rows]) for k, v in self.past]


def _joined(attention: nn.Module) -> tuple[Tensor, Tensor]:
    """Weight and bias that give queries, keys and values at once."""
    parts = attention.linear_q, attention.linear_k, attention.linear_v
    return torch.cat([part.weight for part in parts]), torch.cat([part.bias for part in parts])


def _positions(encoding: nn.Module, longest: int, like: Tensor) -> tuple[float, Tensor]:
    """By what ESPnet's absolute encoding multiplies an embedding, and what it adds at each place."""
    encoding.extend_pe(like.new_zeros(1, longest + 1, 1))
    alpha = getattr(encoding, "alpha", None)
    return (encoding.xscale, encoding.pe[0]) if alpha is None else (1.0, alpha * encoding.pe[0])


class RecurrentSteps:
    """ESPnet's RNNDecoder, with attention by location, by addition or by dot product; as `TransformerSteps`."""

    def __init__(self, decoder: nn.Module, latents: Tensor, frames: Tensor, beam: int, longest: int):
        self.decoder, self.latents = decoder, latents
        self.attention, self.kind = decoder.att_list[0], type(decoder.att_list[0]).__name__
        self.padding = (torch.arange(latents.shape[1], device=latents.device) >= frames[:, None])[:, None]
        self.keys = self.attention.mlp_enc(latents)
        if self.kind == "AttDot":
            self.keys = self.keys.tanh_()
        even = (~self.padding).to(latents.dtype) / frames[:, None, None]
        self.weights = even.repeat(1, beam, 1)
        zeros = latents.new_zeros(len(latents), beam, decoder.dunits)
        self.state = [zeros] * (decoder.dlayers * (2 if decoder.dtype == "lstm" else 1))

    def scores(self, labels: Tensor) -> Tensor:
        """Log-probabilities (B, W, V) of what follows the last labels (B, W)."""
        decoder, layers = self.decoder, self.decoder.dlayers
        self.weights = F.softmax(2.0 * self._energies(self.state[0]).masked_fill_(self.padding, float("-inf")), 2)
        attended = self.weights @ self.latents
        x, shape = torch.cat([decoder.embed(labels), attended], 2).flatten(0, 1), labels.shape
        state = [value.flatten(0, 1) for value in self.state]
        for i, cell in enumerate(decoder.decoder):
            if decoder.dtype == "lstm":
                state[i], state[layers + i] = cell(x, (state[i], state[layers + i]))
            else:
                state[i] = cell(x, state[i])
            x = state[i]
        self.state = [value.view(*shape, -1) for value in state]
        x = x.view(*shape, -1)
        return decoder.output(torch.cat([x, attended], 2) if decoder.context_residual else x).log_softmax(-1)

    def _energies(self, z: Tensor) -> Tensor:
        """How well each frame fits the decoder's state z (B, W, ·): (B, W, U). Done in parts that fit into the caches."""
        attention = self.attention
        z = attention.mlp_dec(z)
        if self.kind == "AttDot":
            return z.tanh_() @ self.keys.transpose(1, 2)
        frames, size = self.keys.shape[1:]
        if self.kind == "AttLoc":
            where = attention.loc_conv(self.weights.flatten(0, 1)[:, None, None]).view(*z.shape[:2], -1, frames).transpose(2, 3)
        energies = z.new_empty(*z.shape[:2], frames)
        few = max(1, CACHED // (z.shape[1] * frames * size))
        for part in (slice(start, start + few) for start in range(0, len(z), few)):
            fit = (self.keys[part, None] + z[part, :, None]).view(-1, size)
            if self.kind == "AttLoc":
                fit.addmm_(where[part].reshape(len(fit), -1), attention.mlp_att.weight.T)
            energies[part] = attention.gvec(fit.tanh_()).view(energies[part].shape)
        return energies

    def select(self, parents: Tensor) -> None:
        """Go on with the hypotheses `parents` (B, W)."""
        self.weights, *self.state = (
            value.gather(1, parents[..., None].expand(-1, -1, value.shape[2])) for value in (self.weights, *self.state)
        )

    def keep(self, rows: Tensor) -> None:
        """Go on with these utterances only."""
        self.latents, self.padding, self.keys, self.weights, *self.state = (
            value[rows] for value in (self.latents, self.padding, self.keys, self.weights, *self.state)
        )


def steps_of(decoder: nn.Module, where: str) -> tuple[type[TransformerSteps | RecurrentSteps], bool]:
    """The class that steps through a decoder, and whether ESPnet searches it hypothesis by hypothesis.

    Raises: UserError where the decoder is of a kind that is not searched here.
    """
    kind = type(decoder).__name__
    if kind == "TransformerDecoder" and isinstance(decoder.embed[0], nn.Embedding):
        if type(decoder.embed[1]).__name__ in ("PositionalEncoding", "ScaledPositionalEncoding"):
            return TransformerSteps, False
    elif kind == "RNNDecoder" and type(decoder.att_list[0]).__name__ in ("AttLoc", "AttAdd", "AttDot"):
        return RecurrentSteps, True
    raise UserError(f"{where}: attention search knows ESPnet's transformer and rnn decoders, not {kind} as it is set up")
