"""Whether a recording should be enhanced: the one rule, and its reason in a sentence."""

from dataclasses import dataclass

LEAVE_ALONE = 25.0
"""dB of estimated SNR, from which on a front end costs more than it gives: docs/decisions/enhance-or-leave-alone.md."""


@dataclass(frozen=True)
class Advice:
    """What to do with a recording.

    Attributes:
        enhance: or leave it alone.
        reason: one sentence without its capital and full stop.
    """

    enhance: bool
    reason: str

    def __str__(self) -> str:
        return f"{'enhance' if self.enhance else 'leave alone'}: {self.reason}"


def advise(snr: float, silent: float) -> Advice:
    """Advise on a recording.

    Args:
        snr: as the front end estimates it, dB; NaN for none.
        silent: share of the time that is silent.

    >>> print(advise(8.2, 0.1))
    enhance: its estimated SNR is below 25 dB, where the front end takes away more noise than speech
    """
    if silent == 1 or snr != snr:
        return Advice(False, "there is nothing in it but silence")
    if snr >= LEAVE_ALONE:
        return Advice(
            False, f"its estimated SNR is {LEAVE_ALONE:g} dB or more, where the front end harms speech more than it helps"
        )
    return Advice(True, f"its estimated SNR is below {LEAVE_ALONE:g} dB, where the front end takes away more noise than speech")
