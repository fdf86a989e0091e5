"""How long a front end makes its user wait: the time of one frame, and what an output sample waits for by design."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from kdse.bench.harness import Spent, clock
from kdse.core.errors import UserError
from kdse.data.audio import RATE


def step_times(model: nn.Module, noisy: Tensor, warm_up: int = 50) -> tuple[list[float] | None, str | None]:
    """The time of each frame, from windowed samples to overlap-add.

    Args:
        model: ESPnet's enhancement model.
        noisy: (1, N) waveform.
        warm_up: first frames that do not count.

    Returns: seconds of each frame and None, or None and why frames cannot be taken one by one.
    """
    if model.normalize_variance:
        return None, "the level of the whole utterance is normalised first"
    hop, state = model.encoder.hop_length, None
    tail, times = torch.zeros(1, model.encoder.win_length), []
    for frame in model.encoder.streaming_frame(noisy):
        spent = Spent()
        try:
            with clock(spent):
                (enhanced,), state, _ = model.separator.forward_streaming(model.encoder.forward_streaming(frame), state)
                samples = model.decoder.forward_streaming(enhanced)
                tail = torch.cat([tail[:, hop:], tail.new_zeros(1, hop)], 1) + samples
        except (NotImplementedError, UserError):
            return None, f"{type(model.separator).__name__} enhances whole utterances only"
        times.append(spent.wall)
    return times[warm_up:], None


def algorithmic_latency(process: Callable[[Tensor], Tensor], seconds: int = 3, positions: int = 4, seed: int = 0) -> int | None:
    """Samples that an output sample waits for, itself included, in the worst case; None where that is the whole utterance.

    The input is NaN from sample n0 on, so every output that depends on it is NaN. Let m be the first output that changes: m cannot
    be known before n0 has come. So it waits n0 − m + 1 samples: 1 without any look-ahead, less where the output comes later than
    its input. m stays the same while n0 moves through a frame, so the search goes from each random n0 to the last one with that m.
    An output that changes from its beginning, wherever n0 is, depends on the whole utterance.

    Args:
        process: (1, N) noisy -> (1, N) enhanced.
        seconds: of noise at 16 kHz; a look-ahead longer than a third of it passes for the whole utterance.
        positions: random n0, beside one at a third of the noise.
    """
    random = torch.Generator().manual_seed(seed)
    noise = 0.1 * torch.randn(1, seconds * RATE, generator=random)
    third = noise.shape[1] // 3
    with torch.inference_mode():
        unchanged = process(noise)

    def first_change(n0: int) -> int:
        changed = noise.clone()
        changed[:, n0:] = torch.nan
        with torch.inference_mode():
            differs = (process(changed) != unchanged)[0]
        assert differs.any(), "the output does not depend on the input"
        return int(differs.int().argmax())

    starts = [third, *(third + torch.randint(third, (positions,), generator=random)).tolist()]
    firsts = [first_change(n0) for n0 in starts]
    if max(firsts) < third // 2:
        return None
    waits = []
    for n0, m in zip(starts, firsts, strict=True):
        low, high = n0, n0 + third  # m is that of low, and not that of high
        while high - low > 1:
            middle = (low + high) // 2
            if first_change(middle) == m:
                low = middle
            else:
                high = middle
        waits.append(low - m + 1)
    return max(waits)
