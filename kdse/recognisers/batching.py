"""Which waves are recognised together."""

from collections.abc import Iterator, Sequence

from kdse.data.audio import RATE


def batches(lengths: Sequence[int], seconds: float, equal: bool) -> Iterator[list[int]]:
    """Indices of waves that are recognised together, in the order given: up to `seconds` in all, unless one alone is longer.

    Args:
        lengths: in samples, the shortest first.
        equal: only waves of one length stand together.

    >>> list(batches([16000, 16000, 16000, 32000], 2.0, equal=True))
    [[0, 1], [2], [3]]
    """
    batch: list[int] = []
    for index, length in enumerate(lengths):
        size = sum(lengths[i] for i in batch) + length
        if batch and (size > seconds * RATE or (equal and length != lengths[batch[0]])):
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch
