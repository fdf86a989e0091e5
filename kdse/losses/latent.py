"""L_e: the frozen recogniser should see in ŝ the latents that it sees in s."""

from torch import Tensor

from kdse.losses.mask import check_same_shape, valid


def latent_distance(student: Tensor, teacher: Tensor, lengths: Tensor) -> Tensor:
    """L_e: mean squared distance of encoder latents over valid frames.

    L_e = 1/(D Σ_b U_b) · Σ_b Σ_{t<U_b} ‖student_bt − teacher_bt‖²      (FitNets, arXiv 1412.6550, equation 3)

    Args:
        student, teacher: (B, U, D) latents of ŝ and s, same frame rate.
        lengths: (B,) valid frames; frames past them do not count.
    Returns: scalar, 0 when the latents agree.
    Raises: ValueError where the shapes differ, naming both.

    >>> import torch
    >>> latent_distance(torch.ones(1, 2, 3), torch.zeros(1, 2, 3), torch.tensor([2]))
    tensor(1.)
    """
    check_same_shape(student, teacher)
    mask = valid(lengths, teacher.shape[1])
    return ((student - teacher).square().mean(2) * mask).sum() / mask.sum()
