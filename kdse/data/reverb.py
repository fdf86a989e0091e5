"""Room impulse responses, and what a room adds to speech: so that y = s + n stays true, the room is part of n.

s is the sound that reaches the microphone first, which is the dry speech itself: the one target that does not change with the room,
so that what a recogniser makes of s is still computed once. All later sound, early reflections included, is in n. An SNR is the
power of s over that of the added noise, without the room's share.
"""

import numpy as np


def choose_rir(rng: np.random.Generator, ids: tuple[str, ...], share: float) -> str:
    """Draw whether an item is heard in a room, and in which; '' for none. The generator is one of its own."""
    return ids[rng.integers(len(ids))] if share > 0 and rng.random() < share else ""


def tail(speech: np.ndarray, rir: np.ndarray) -> np.ndarray:
    """What a room adds to speech after the direct sound, float32 (N,).

    tail[n] = Σ_{k≥1} speech[n − k] · rir[d + k] / rir[d], d where |rir| is largest: the direct sound, put where the speech is.

    Args:
        speech: int16 (N,). rir: int16 (K,), not all zeros.

    The sum is one of whole numbers, and the transform's error stays far below a half: rounding gives it exactly, and the same bits
    on every machine, which is what lets a manifest rebuild a set.

    >>> tail(np.array([100, 0, 0, 0], "int16"), np.array([3, 1000, 500, 0, -10], "int16"))
    array([ 0., 50.,  0., -1.], dtype=float32)
    """
    from scipy.signal import oaconvolve

    direct = int(np.argmax(np.abs(rir.astype(np.int32))))
    later = rir[direct + 1 :].astype(np.float64)
    late = np.zeros(len(speech))
    if len(later) and len(speech) > 1:
        late[1:] = np.rint(oaconvolve(speech.astype(np.float64), later)[: len(speech) - 1])
    return (late / float(rir[direct])).astype(np.float32)
