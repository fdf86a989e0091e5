"""Length masks: padding never changes a loss."""

import torch
from torch import Tensor


def valid(lengths: Tensor, size: int) -> Tensor:
    """Boolean (B, size), true where the index is below the length.

    >>> valid(torch.tensor([1, 2]), 2)
    tensor([[ True, False],
            [ True,  True]])
    """
    return torch.arange(size, device=lengths.device)[None] < lengths[:, None]


def check_same_shape(student: Tensor, teacher: Tensor) -> None:
    """Raise ValueError naming both shapes where they differ."""
    if student.shape != teacher.shape:
        raise ValueError(f"student {tuple(student.shape)} and teacher {tuple(teacher.shape)} must have the same shape")
