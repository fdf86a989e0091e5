"""L_q: over the whole utterance, the frozen recogniser should make of ŝ what it makes of s."""

import torch
from torch import Tensor
from torch.nn import functional as F

from kdse.losses.mask import check_same_shape, valid


def ctc_kl(student: Tensor, teacher: Tensor, lengths: Tensor) -> Tensor:
    """Mean KL(P(·|s)_t ‖ P(·|ŝ)_t) between CTC posteriors over valid frames, in nats.

    Args:
        student, teacher: (B, U, V) log posteriors of ŝ and s.
        lengths: (B,) valid frames.
    Raises: ValueError where the shapes differ.

    >>> p = torch.tensor([[[0.5, 0.5]]]).log(); q = torch.tensor([[[0.25, 0.75]]]).log()
    >>> round(ctc_kl(q, p, torch.tensor([1])).item(), 4)     # ½·ln(½/¼) + ½·ln(½/¾)
    0.1438
    """
    check_same_shape(student, teacher)
    mask = valid(lengths, teacher.shape[1])
    return ((teacher.exp() * (teacher - student)).sum(-1) * mask).sum() / mask.sum()


def att_kl(student: Tensor, teacher: Tensor, lengths: Tensor) -> Tensor:
    """Mean KL(P(·|s, h)_v ‖ P(·|ŝ, h)_v) between an attention decoder's distributions over tokens, in nats.

    Both are teacher-forced on h, the recogniser's own hypothesis of s: what it expects next, word by word, should not change
    (word-level distillation, arXiv 1606.07947, section 3.1, with the front end as the student).

    Args:
        student, teacher: (B, V, n) logits given ŝ and s.
        lengths: (B,) tokens that count, the end of the sentence among them.
    Raises: ValueError where the shapes differ.

    >>> p = torch.tensor([[[0.5, 0.5]]]).log(); q = torch.tensor([[[0.25, 0.75]]]).log()
    >>> round(att_kl(q, p + 3, torch.tensor([1])).item(), 4)     # logits may be shifted
    0.1438
    """
    check_same_shape(student, teacher)
    counted = valid(lengths, teacher.shape[1])
    student, teacher = student[counted].log_softmax(-1), teacher[counted].log_softmax(-1)
    return F.kl_div(student, teacher, reduction="sum", log_target=True) / len(student)


def seq_kd(student: Tensor, hypothesis: Tensor, lengths: Tensor, hypothesis_lengths: Tensor, blank: int = 0) -> Tensor:
    """Mean −log P_ctc(h | ŝ) per token of h, the teacher's best hypothesis on s (sequence-level distillation, arXiv 1606.07947).

    Args:
        student: (B, U, V) log posteriors of ŝ.
        hypothesis: (B, L) token ids, padded with anything; `hypothesis_lengths` (B,) of them count, 0 leaves an utterance out.
        lengths: (B,) valid frames.

    >>> p = torch.tensor([[[0.5, 0.5], [0.5, 0.5]]]).log()     # paths of '1' in two frames: 11, 01, 10, each of probability 1/4
    >>> round(seq_kd(p, torch.tensor([[1]]), torch.tensor([2]), torch.tensor([1])).item(), 4)
    0.2877
    """
    loss = F.ctc_loss(
        student.transpose(0, 1), hypothesis, lengths, hypothesis_lengths, blank=blank, reduction="none", zero_infinity=True
    )
    return (loss * (hypothesis_lengths > 0)).sum() / hypothesis_lengths.sum().clamp(min=1)


def best_path(log_probs: Tensor, lengths: Tensor, blank: int = 0) -> tuple[Tensor, Tensor]:
    """The greedy hypothesis of (B, U, V) log posteriors: (B, L) token ids padded with 0, and their (B,) numbers.

    >>> p = torch.eye(3)[[1, 1, 0, 1, 2]][None].log()
    >>> best_path(p, torch.tensor([4]))
    (tensor([[1, 1]]), tensor([2]))
    """
    best = log_probs.argmax(-1)
    before = F.pad(best, (1, 0), value=-1)[:, :-1]
    kept = (best != blank) & (best != before) & valid(lengths, best.shape[1])
    paths = [row[keep] for row, keep in zip(best, kept, strict=True)]
    return torch.nn.utils.rnn.pad_sequence(paths, batch_first=True), kept.sum(1)


def gram(student: Tensor, teacher: Tensor, lengths: Tensor) -> Tensor:
    """Mean over utterances of ‖G(s) − G(ŝ)‖²/U², G the row-normalised time self-similarity E Eᵀ (arXiv 1907.09682, equation 2).

    Args:
        student, teacher: (B, U, D) latents of ŝ and s.
        lengths: (B,) valid frames; rows and columns past them do not count.

    >>> e = torch.tensor([[[1., 0.], [0., 1.]]]); f = torch.tensor([[[1., 0.], [1., 0.]]])
    >>> round(gram(f, e, torch.tensor([2])).item(), 4)     # rows (1, 0), (0, 1) against (.7071, .7071) twice
    0.2929
    """
    check_same_shape(student, teacher)
    mask = valid(lengths, teacher.shape[1])[..., None]

    def similarity(x: Tensor) -> Tensor:
        x = x * mask
        return F.normalize(x @ x.transpose(1, 2), dim=2)

    squared = (similarity(student) - similarity(teacher)).square().sum((1, 2))
    return (squared / lengths.square()).mean()
