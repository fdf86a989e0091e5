"""L_d: the frozen recogniser should see in ŝ the acoustic tokens that it sees in s."""

from torch import Tensor

from kdse.losses.mask import check_same_shape, valid


def token_logits(latents: Tensor, centroids: Tensor, tau: float) -> Tensor:
    """(B, U, K): −‖latent − centroid‖²/τ.

    Args:
        latents: (B, U, D).
        centroids: (K, D).
        tau: temperature, in the unit of a squared distance.
    """
    squared = (latents.square().sum(-1, keepdim=True) - 2 * latents @ centroids.T + centroids.square().sum(-1)).clamp(min=0)
    return -squared / tau


def token_divergence(
    student: Tensor, teacher: Tensor, centroids: Tensor, lengths: Tensor, tau: float, hard: bool = False
) -> Tensor:
    """L_d: mean KL(p_t ‖ q_t) between the token posteriors of s and ŝ over valid frames, in nats.

    p_t = softmax_k(−‖E(s)_t − c_k‖²/τ), q_t the same with ŝ      (IEEE Access 2024, "KD-based training of SE for noise-robust ASR";
    hard tokens as HuBERT's targets, arXiv 2106.07447)

    Args:
        student, teacher: (B, U, D) latents of ŝ and s.
        centroids: (K, D).
        lengths: (B,) valid frames.
        tau: temperature in the unit of a squared distance (the tokenizer gives the mean distance to the nearest centroid).
        hard: p_t is one-hot at the nearest centroid, so that L_d is a cross-entropy.
    Raises: ValueError where the shapes differ.

    >>> import torch
    >>> c = torch.tensor([[0.], [1.]]); n = torch.tensor([1])
    >>> token_divergence(c[None, :1], c[None, :1], c, n, tau=1.).item()
    0.0
    >>> round(token_divergence(c[None, 1:], c[None, :1], c, n, tau=1.).item(), 4)     # (σ(1) − σ(−1))·1
    0.4621
    """
    check_same_shape(student, teacher)
    mask = valid(lengths, teacher.shape[1])
    log_q = token_logits(student, centroids, tau).log_softmax(-1)
    p_logits = token_logits(teacher, centroids, tau)
    if hard:
        loss = -log_q.gather(-1, p_logits.argmax(-1, keepdim=True))[..., 0]
    else:
        log_p = p_logits.log_softmax(-1)
        loss = (log_p.exp() * (log_p - log_q)).sum(-1)
    return (loss * mask).sum() / mask.sum()


def token_error_rate(student: Tensor, teacher: Tensor, centroids: Tensor, lengths: Tensor) -> Tensor:
    """Share of valid frames whose nearest centroid differs between ŝ and s, in [0, 1]; arguments as in `token_divergence`.

    >>> import torch
    >>> c = torch.tensor([[0.], [1.]])
    >>> token_error_rate(torch.tensor([[[0.], [.9]]]), torch.tensor([[[.1], [.2]]]), c, torch.tensor([2])).item()
    0.5
    """
    check_same_shape(student, teacher)
    mask = valid(lengths, teacher.shape[1])
    changed = token_logits(student, centroids, 1.0).argmax(-1) != token_logits(teacher, centroids, 1.0).argmax(-1)
    return (changed & mask).sum() / mask.sum()
