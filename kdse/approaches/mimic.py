"""`mimic`: reconstruction and the latents of a frozen recogniser, the public mimic (or perceptual) loss."""

from dataclasses import dataclass

from kdse.approaches.kd import KD


@dataclass(frozen=True)
class Mimic(KD):
    """L_r + lambda_e·L_e, both from the first update on; no tokens.

    After Bagchi et al., "Spectral feature mapping with mimic loss for robust speech recognition", ICASSP 2018, with the encoder's
    latents in place of senone scores, at the tapped layer of `kd`.
    """

    lambda_d: float = 0.0
