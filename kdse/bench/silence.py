"""What a frame of digital silence takes beside one of speech: fading states pass through denormal numbers, which are slow."""

import time
from collections.abc import Callable

import numpy as np

HEARD = 10
"""Seconds of speech before the silence."""
SPAN = 10
"""Seconds of which the medians are compared."""
TURN = 10
"""Frames of one stream before it is the other one's turn."""

Process = Callable[[np.ndarray], np.ndarray]


def time_silence(make: Callable[[], Process], audio: np.ndarray, hop: int, rate: int) -> float:
    """Time silence that follows speech, and goes on for as long as the audio, beside that audio.

    Two streams take turns, some frames each, so that other work on the machine slows both alike. How long the states take to fade
    is not known, and they may stay denormal or become 0 at last: so every ten seconds are compared by themselves.

    Args:
        make: a fresh stream: one hop in, what is ready out.
        audio: speech, float32 (N,).

    Returns: the median time of a frame of silence over that of a frame of speech in the same ten seconds, where it is largest.
    """
    speech = audio[: len(audio) // hop * hop].reshape(-1, hop)
    speaking, silent, silence = make(), make(), np.zeros(hop, np.float32)
    for frame in speech[: HEARD * rate // hop]:
        speaking(frame)
        silent(frame)
    times = np.empty((2, len(speech)))
    for start in range(0, len(speech), TURN):
        turn = range(start, min(start + TURN, len(speech)))
        for row, process in enumerate((speaking, silent)):
            for number in turn:
                frame = silence if row else speech[number]
                begun = time.perf_counter()
                process(frame)
                times[row, number] = time.perf_counter() - begun
    spans = max(1, len(speech) * hop // (SPAN * rate))
    medians = [np.median(span, axis=1) for span in np.array_split(times, spans, axis=1)]
    return max(float(quiet / loud) for loud, quiet in medians)
