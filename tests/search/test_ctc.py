"""CTC search: exact sums over alignments, and the same hypothesis in any batch."""

import itertools
import math

import pytest
import torch

from kdse.search import ctc
from kdse.search.ctc_prefix import ZERO, CTCPrefix

BLANK, EOS = 0, 4


def posteriors(*shape: int, seed: int = 0, sharpness: float = 2.0) -> torch.Tensor:
    return (sharpness * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))).log_softmax(-1)


def collapse(path: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(label for label, _ in itertools.groupby(path) if label != BLANK)


def all_sequences(log_probs: torch.Tensor) -> dict[tuple[int, ...], float]:
    """P(labels) for every label sequence, by summing all V^T alignments."""
    found: dict[tuple[int, ...], float] = {}
    probs = log_probs.double().exp().tolist()
    for path in itertools.product(range(log_probs.shape[1]), repeat=len(log_probs)):
        p = math.prod(probs[t][label] for t, label in enumerate(path))
        found[collapse(path)] = found.get(collapse(path), 0.0) + p
    return found


@pytest.mark.parametrize("seed", range(8))
def test_a_beam_that_holds_everything_finds_the_most_likely_sequence_and_its_probability(seed):
    """Against the sum over all 5^5 alignments; eos is no label, so paths through it count for nothing."""
    log_probs = posteriors(5, 5, seed=seed)
    log_probs[:, EOS] = -math.inf
    every = all_sequences(log_probs)
    best = max(every, key=every.get)
    [found] = ctc.beam_search(log_probs[None], torch.tensor([5]), beam=400, blank=BLANK, eos=EOS)
    assert tuple(found.tokens) == best
    assert found.score == pytest.approx(math.log(every[best]), abs=1e-5)


def test_a_sum_beats_the_best_path():
    """Blank has 0.6 in both frames, yet "a" has 0.64 in all against 0.36 for nothing (as in Graves 2012, figure 7.5)."""
    log_probs = torch.tensor([[[0.6, 0.4], [0.6, 0.4]]]).log()
    log_probs = torch.nn.functional.pad(log_probs, (0, 1), value=-math.inf)
    frames = torch.tensor([2])
    assert ctc.greedy(log_probs, frames, 0)[0].tokens == []
    [found] = ctc.beam_search(log_probs, frames, beam=2, blank=0, eos=2)
    assert found.tokens == [1] and found.score == pytest.approx(math.log(0.64), abs=1e-6)


@pytest.mark.parametrize("beam", [1, 3, 10])
def test_an_utterance_gets_in_a_batch_what_it_gets_alone(beam):
    frames = torch.tensor([7, 20, 1, 13, 20, 4])
    log_probs = posteriors(6, 20, 9, seed=1)
    for search in (lambda x, n: ctc.beam_search(x, n, beam=beam, blank=BLANK, eos=8), lambda x, n: ctc.greedy(x, n, BLANK)):
        together = search(log_probs, frames)
        noise = log_probs.clone()
        for row, count in enumerate(frames.tolist()):
            noise[row, count:] = posteriors(20 - count, 9, seed=row)
            [alone] = search(log_probs[row : row + 1, :count], frames[row : row + 1])
            assert alone.tokens == together[row].tokens
            assert alone.score == pytest.approx(together[row].score, abs=1e-4)
        assert [found.tokens for found in search(noise, frames)] == [found.tokens for found in together]


def test_greedy_merges_repeats_and_drops_blanks():
    path = [1, 1, 0, 1, 2, 2, 0, 0, 3]
    log_probs = torch.nn.functional.one_hot(torch.tensor([path]), 4).float().log_softmax(-1)
    [found] = ctc.greedy(log_probs, torch.tensor([8]), 0)
    assert found.tokens == [1, 1, 2]  # the ninth frame is padding
    assert found.score == pytest.approx(float(log_probs.max(-1).values[0, :8].sum()), abs=1e-5)


@pytest.mark.parametrize("prefix", [(), (1,), (1, 1), (1, 2), (2, 1, 1), (1, 2, 3)])
def test_prefix_scores_are_sums_over_all_that_begins_so(prefix):
    """ψ(prefix·c) against all alignments; at the end, P(prefix). One utterance is padded to two frames more."""
    frames = torch.tensor([5, 3])
    log_probs = posteriors(2, 5, 5, seed=3)
    log_probs[..., EOS] = -1e4
    log_probs = log_probs.log_softmax(-1)  # all that may follow a prefix sums to 1
    scorer = CTCPrefix(log_probs, frames, 2, BLANK, EOS)
    same = torch.zeros(2, 2, dtype=torch.long)
    for label in prefix:
        scorer.advance(same, torch.full((2, 2), label))
    found = scorer.scores()
    for row, count in enumerate(frames.tolist()):
        every = all_sequences(log_probs[row, :count].double())
        for label in range(1, 4):
            begins = (*prefix, label)
            expected = sum(p for labels, p in every.items() if labels[: len(begins)] == begins)
            for slot in range(2):
                value = float(found[row, slot, label])
                assert value == pytest.approx(math.log(expected), abs=1e-6) if expected > 0 else value < -1e3
        assert float(found[row, 0, BLANK]) == ZERO
        expected = every.get(prefix, 0.0)
        value = float(found[row, 0, EOS])
        assert value == pytest.approx(math.log(expected), abs=1e-6) if expected > 0 else value < -1e3


def test_prefix_scores_follow_reordered_hypotheses_and_utterances_that_leave():
    frames = torch.tensor([9, 6, 9])
    log_probs = posteriors(3, 9, 6, seed=4)
    batch = CTCPrefix(log_probs, frames, 2, BLANK, 5)
    batch.advance(torch.zeros(3, 2, dtype=torch.long), torch.tensor([[1, 2]] * 3))
    batch.keep(torch.tensor([1, 2]))
    batch.advance(torch.tensor([[1, 0], [1, 1]]), torch.tensor([[2, 3], [4, 2]]))
    found = batch.scores()
    for row, utterance, texts in ((0, 1, [(2, 2), (1, 3)]), (1, 2, [(2, 4), (2, 2)])):
        for slot, labels in enumerate(texts):
            count = int(frames[utterance])
            alone = CTCPrefix(log_probs[utterance : utterance + 1, :count], frames[utterance : utterance + 1], 1, BLANK, 5)
            for label in labels:
                alone.advance(torch.zeros(1, 1, dtype=torch.long), torch.tensor([[label]]))
            assert torch.allclose(found[row, slot], alone.scores()[0, 0], atol=1e-9)


def test_prefix_scores_hold_for_long_and_unlikely_utterances():
    """600 frames whose labels have probabilities near e^-40: γ is e^-24000, and float64 in the plain recurrence would be 0."""
    log_probs = posteriors(1, 600, 5, seed=5, sharpness=20.0)
    scorer = CTCPrefix(log_probs, torch.tensor([600]), 1, BLANK, EOS)
    zero, forward = torch.zeros(1, 1, dtype=torch.long), None
    for label in (1, 1, 3):
        scorer.advance(zero, torch.tensor([[label]]))
    x = log_probs[0].double()
    labels = [BLANK, 1, BLANK, 1, BLANK, 3, BLANK]
    for t in range(600):  # the textbook recurrence over the labels with blanks between (Graves et al. 2006, eq. 6 and 7)
        if forward is None:
            forward = [x[0, BLANK], x[0, 1]] + [torch.tensor(-1e30, dtype=torch.float64)] * 5
            continue
        new = []
        for s, label in enumerate(labels):
            into = [forward[s], *([forward[s - 1]] if s else [])]
            if s > 1 and label != BLANK and label != labels[s - 2]:
                into.append(forward[s - 2])
            new.append(torch.logsumexp(torch.stack(into), 0) + x[t, label])
        forward = new
    assert float(scorer.scores()[0, 0, EOS]) == pytest.approx(float(torch.logaddexp(forward[-1], forward[-2])), rel=1e-9)
