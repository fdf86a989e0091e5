"""`paap`: reconstruction, and acoustic parameters weighted by what is being said (phonetic-aligned acoustic parameters)."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from kdse.approaches.base import Approach, Losses
from kdse.approaches.context import BatchContext
from kdse.losses.acoustic import PARAMETERS, acoustic_parameters, weighted_parameters
from kdse.losses.mask import valid


class PhoneticWeights(nn.Module):
    """How characteristic each acoustic parameter is of each acoustic token, learned from the clean speech that comes by.

    With z the parameters, centred and scaled to unit variance over all frames so far, the weight of parameter p for token k is the
    coefficient of the linear regression from one-hot tokens to z_p: |mean of z_p over the frames of k|. The tokens of the frozen
    recogniser stand for phonemes.

    Args:
        tokens: K.
    """

    def __init__(self, tokens: int):
        super().__init__()
        for name in ("sums", "squares"):
            self.register_buffer(name, torch.zeros(tokens, len(PARAMETERS)))
        self.register_buffer("counts", torch.zeros(tokens))

    def learn(self, parameters: Tensor, tokens: Tensor) -> None:
        """Count in (M, P) parameters of M frames with their (M,) tokens."""
        values = parameters.detach().double()
        for total, addend in ((self.counts, torch.ones_like(values[:, 0])), (self.sums, values), (self.squares, values.square())):
            of_batch = torch.zeros_like(total, dtype=torch.float64).index_add_(0, tokens, addend)
            total += of_batch.to(total.dtype)

    def moments(self) -> tuple[Tensor, Tensor]:
        """(P,) mean and standard deviation of the parameters of all frames so far."""
        n = self.counts.sum().clamp(min=1)
        mean = self.sums.sum(0) / n
        return mean, (self.squares.sum(0) / n - mean.square()).clamp(min=1e-4).sqrt()

    def weights(self) -> Tensor:
        """(K, P), their mean square over all frames 1; 1 for tokens that never came by."""
        mean, deviation = self.moments()
        coefficients = ((self.sums / self.counts.clamp(min=1)[:, None] - mean) / deviation).abs()
        power = (coefficients.square().mean(1) * self.counts).sum() / self.counts.sum().clamp(min=1)
        weights = coefficients / power.clamp(min=1e-6).sqrt()
        return torch.where(self.counts[:, None] > 0, weights, torch.ones_like(weights))


@dataclass(frozen=True)
class PAAP(Approach):
    """L_r + lambda_p·L_p with differentiable spectral descriptors in place of the paper's trained estimator.

    Attributes:
        lambda_p: weight of `weighted_parameters`.
        phonetic: whether parameters are weighted by token; else all weigh 1 (TAPLoss, arXiv 2302.08088).
    """

    lambda_p: float = 1.0
    phonetic: bool = True
    needs_teacher = True

    def __call__(self, enhanced: Tensor, clean: Tensor, lengths: Tensor, context: BatchContext) -> Losses:
        """Return l_r and l_p."""
        l_r = self.reconstruction(enhanced, clean, lengths, context)
        state = context.approach_state
        with torch.no_grad():
            target, frames = acoustic_parameters(clean, lengths)
            tokens = self.tokens(target, frames, clean, lengths, context)
            if context.training:
                inside = valid(frames, target.shape[1])
                state.learn(target[inside], tokens[inside])
            mean, deviation = (moment.float() for moment in state.moments())
            table = state.weights() if self.phonetic else torch.ones_like(state.sums)
            weights = table.float()[tokens]
        student, _ = acoustic_parameters(enhanced, lengths)
        l_p = weighted_parameters((student - mean) / deviation, (target - mean) / deviation, weights, frames)
        return {"l_r": (1.0, l_r), "l_p": (self.lambda_p, l_p)}

    def tokens(self, target: Tensor, frames: Tensor, clean: Tensor, lengths: Tensor, context: BatchContext) -> Tensor:
        """(B, T) the acoustic token of each frame of `target`, (B, T, P) parameters of which (B,) `frames` are valid."""
        (given,) = context.teachers
        heard = given.teacher.target(clean, lengths, given.cached_latents)
        nearest = torch.cdist(heard.latents, given.teacher.centroids[None]).argmin(-1)
        count = heard.frames
        last = (count - 1).clamp(min=0)[:, None]
        # the recogniser's frames are longer
        place = torch.arange(target.shape[1], device=clean.device)[None] * count[:, None] // frames[:, None]
        return nearest.gather(1, torch.minimum(place, last))

    def approach_state(self, tokens: int) -> nn.Module:
        """The weights of `tokens` acoustic tokens."""
        return PhoneticWeights(tokens)
