"""Search with ESPnet's decoders finds what ESPnet's own search finds, whatever else is in the batch; models have random weights."""

import argparse
import copy
import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from kdse.core.errors import UserError
from kdse.search.config import SearchConfig
from kdse.search.search import Search, words

TOKENS = ["<blank>", "<unk>", *"ABCDEFGHI", "<sos/eos>"]
FRAMES = (8, 12, 5)
SIZES = {"attention_heads": 2, "linear_units": 16, "num_blocks": 2}
LOCATION = {"atype": "location", "adim": 8, "aconv_chans": 3, "aconv_filts": 4}
DECODERS = {
    "transformer": ("transformer", SIZES),
    "transformer, norms behind": ("transformer", SIZES | {"normalize_before": False, "concat_after": True}),
    "rnn": ("rnn", {"hidden_size": 12, "num_layers": 2, "att_conf": LOCATION}),
    "gru": ("rnn", {"hidden_size": 12, "rnn_type": "gru", "context_residual": True, "att_conf": {"atype": "add", "adim": 8}}),
    "dot": ("rnn", {"hidden_size": 12, "att_conf": {"atype": "dot", "adim": 8}}),
    "transducer": ("transducer", {"hidden_size": 12}),
    "transducer, gru": ("transducer", {"hidden_size": 12, "num_layers": 2, "rnn_type": "gru"}),
}


@pytest.fixture(scope="module")
def build() -> Callable[[str], nn.Module]:
    """build(name of DECODERS) -> an ESPnet model with random weights, large enough that it prefers some tokens to others."""
    made = {}

    def model(name: str) -> nn.Module:
        if name not in made:
            from espnet2.tasks.asr import ASRTask

            decoder, conf = DECODERS[name]
            options = {
                "token_list": TOKENS,
                "token_type": "char",
                "frontend_conf": {"n_fft": 512, "hop_length": 160, "n_mels": 20},
                "normalize": "utterance_mvn",
                "encoder": "transformer",
                "encoder_conf": {"output_size": 16, **SIZES},
                "decoder": decoder,
                "decoder_conf": conf,
                "joint_net_conf": {"joint_space_size": 10},
                "model_conf": {"ctc_weight": 0.3},
                "init": "xavier_uniform",
            }
            torch.manual_seed(len(made))
            made[name] = ASRTask.build_model(argparse.Namespace(**ASRTask.get_default_config() | options)).eval()
            with torch.no_grad():
                for p in made[name].parameters():
                    p.mul_(2.0 if p.ndim > 1 else 1.0)
                if decoder == "transducer":
                    made[name].joint_network.lin_out.bias[0] += 2  # or blanks are rare, and hypotheses as long as the utterance
        return made[name]

    return model


@pytest.fixture(scope="module")
def latents() -> torch.Tensor:
    """(B, U, D) with noise, not zeros, where an utterance has no frame."""
    return 1.5 * torch.randn(len(FRAMES), max(FRAMES), 16, generator=torch.Generator().manual_seed(1))


def espnet(model: nn.Module, config: SearchConfig, latents: torch.Tensor, lm: nn.Module | None = None) -> tuple[list[int], float]:
    """What ESPnet finds for one utterance (U, D), put together as espnet2.bin.asr_inference does."""
    from espnet.nets.batch_beam_search import BatchBeamSearch
    from espnet.nets.beam_search import BeamSearch
    from espnet.nets.scorer_interface import BatchScorerInterface
    from espnet.nets.scorers.ctc import CTCPrefixScorer
    from espnet.nets.scorers.length_bonus import LengthBonus
    from espnet2.asr.transducer.beam_search_transducer import BeamSearchTransducer

    with torch.no_grad():
        if config.decode == "transducer":
            found = BeamSearchTransducer(model.decoder, model.joint_network, config.beam_size)(latents)[0]
            return [int(token) for token in found.yseq[1:]], float(found.score)
        scorers = {
            "decoder": model.decoder,
            "ctc": CTCPrefixScorer(model.ctc, model.eos),
            "length_bonus": LengthBonus(len(TOKENS)),
            "lm": lm,
        }
        weights = {
            "decoder": 1 - config.ctc_weight,
            "ctc": config.ctc_weight,
            "length_bonus": config.penalty,
            "lm": config.lm_weight,
        }
        key = None if config.ctc_weight == 1 else "full"
        search = BeamSearch(scorers, weights, config.beam_size, len(TOKENS), model.sos, model.eos, pre_beam_score_key=key)
        if all(isinstance(scorer, BatchScorerInterface) for scorer in search.full_scorers.values()):
            search.__class__ = BatchBeamSearch
        found = search(latents, maxlenratio=config.maxlenratio)[0]
        # a hypothesis that ends where it must is given a second end
        return [int(token) for token in found.yseq[1:] if token not in (model.blank_id, model.eos)], float(found.score)


def agree(model: nn.Module, config: SearchConfig, latents: torch.Tensor) -> None:
    found = Search(model, config)(latents, torch.tensor(FRAMES))
    for row, count in enumerate(FRAMES):
        tokens, score = espnet(model, config, latents[row, :count])
        assert found[row].tokens == tokens, row
        assert found[row].score == pytest.approx(score, abs=1e-4)
    assert config.ctc_weight == 0 or any(f.tokens for f in found)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("ctc_weight", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("decoder", [name for name in DECODERS if "transducer" not in name])
def test_attention_search_is_espnets(decoder, ctc_weight, build, latents):
    """Same tokens, same score, with end detection; and with a bonus for labels, up to a length."""
    agree(build(decoder), SearchConfig(decode="attention", beam_size=4, ctc_weight=ctc_weight), latents)
    agree(
        build(decoder), SearchConfig(decode="attention", beam_size=3, ctc_weight=ctc_weight, penalty=0.5, maxlenratio=0.4), latents
    )


@pytest.mark.parametrize("beam", [1, 2, 4])
@pytest.mark.parametrize("decoder", ["transducer", "transducer, gru"])
def test_transducer_search_is_espnets(decoder, beam, build, latents):
    """Its greedy search, and its default search with every beam."""
    agree(build(decoder), SearchConfig(decode="transducer", beam_size=beam), latents)


def test_a_large_beam_of_the_transducer_finds_the_best_sequence(build):
    """No sequence has a better best alignment, per label, than what a beam of 60 finds in three frames; all are tried."""
    import itertools

    model = copy.deepcopy(build("transducer"))
    with torch.no_grad():
        for p in model.joint_network.parameters():
            p.mul_(0.3)
    latents = 1.5 * torch.randn(1, 3, 16, generator=torch.Generator().manual_seed(2))
    [found] = Search(model, SearchConfig(decode="transducer", beam_size=60))(latents, torch.tensor([3]))

    def best_alignment(labels: tuple[int, ...]) -> float:
        with torch.no_grad():
            said = model.decoder(torch.tensor([[0, *labels]]))
            logp = model.joint_network(latents[:, :, None], said[:, None]).log_softmax(-1)[0].double()
        best = [0.0] + [-np.inf] * len(labels)
        for t in range(3):
            for u in range(1, len(labels) + 1):
                best[u] = max(best[u], best[u - 1] + float(logp[t, u - 1, labels[u - 1]]))
            best = [value + float(logp[t, u, 0]) for u, value in enumerate(best)]
        return best[-1]

    every = {
        labels: best_alignment(labels) / (len(labels) + 1) for n in range(3) for labels in itertools.product(range(1, 12), repeat=n)
    }
    assert found.score / (len(found.tokens) + 1) >= max(every.values()) - 1e-5
    assert found.score == pytest.approx(best_alignment(tuple(found.tokens)), abs=1e-4)


def test_a_transducer_that_never_wants_a_blank_comes_to_an_end(build, latents):
    """It is sure of one label whatever came before; ESPnet's search would not leave the first frame."""
    model = copy.deepcopy(build("transducer"))
    with torch.no_grad():
        model.joint_network.lin_out.bias[3] += 1000
    found = Search(model, SearchConfig(decode="transducer", beam_size=2))(latents, torch.tensor(FRAMES))
    assert all(set(f.tokens) == {3} for f in found)


@pytest.mark.parametrize(
    "decoder, config",
    [
        ("transformer", SearchConfig(decode="attention", beam_size=3)),
        ("rnn", SearchConfig(decode="attention", beam_size=3)),
        ("transducer", SearchConfig(decode="transducer", beam_size=3)),
        ("transducer", SearchConfig(decode="transducer", beam_size=1)),
        ("rnn", SearchConfig(decode="ctc_beam", beam_size=3)),
    ],
)
def test_an_utterance_gets_in_a_batch_what_it_gets_alone(decoder, config, build, latents):
    search = Search(build(decoder), config)
    order = torch.tensor([2, 0, 1])
    together = search(latents[order], torch.tensor(FRAMES)[order])
    for found, row in zip(together, order.tolist()):
        [alone] = search(latents[row : row + 1, : FRAMES[row]], torch.tensor([FRAMES[row]]))
        assert alone.tokens == found.tokens
        assert alone.score == pytest.approx(found.score, abs=1e-4)


def test_an_utterance_without_frames_gets_nothing(build, latents):
    search = Search(build("rnn"), SearchConfig(decode="ctc_beam"))
    found = search(latents[:3], torch.tensor([5, 0, 4]))
    assert found[1].tokens == [] and [f.tokens for f in found[::2]] == [
        f.tokens for f in search(latents[:3:2], torch.tensor([5, 4]))
    ]


def test_pieces_become_words():
    assert words(["<blank>", "<unk>", "▁GO", "ING", "▁ON", "<sos/eos>"], [2, 3, 1, 4, 5]) == "GOING ON"


@pytest.mark.parametrize(
    "decoder, options, message",
    [
        ("rnn", {"decode": "transducer"}, "asr is no transducer; decode it with"),
        ("transducer", {"decode": "attention"}, "asr has no attention decoder; decode it with transducer"),
        ("rnn", {"decode": "beam"}, "asr: decode is one of ctc_greedy, ctc_beam, attention, transducer, not 'beam'"),
        ("rnn", {"beam_size": 0}, "beam_size must be 1 or more, not 0"),
        ("rnn", {"ctc_weight": 1.5}, "ctc_weight lies between 0 and 1, 1.5 does not"),
        ("rnn", {"lm": "x"}, "'ctc_greedy' uses no language model"),
        ("rnn", {"decode": "attention", "maxlenratio": -0.5}, "or -n for n tokens, not -0.5"),
        ("rnn", {"decode": "attention", "maxlenratio": -2.5}, "or -n for n tokens, not -2.5"),
        ("rnn", {"decode": "attention", "maxlenratio": 10.5}, "a share of the frames up to 10, or -n for n tokens, not 10.5"),
        ("rnn", {"decode": "ctc_beam", "penalty": math.nan}, "penalty lies between -100 and 100 nats, nan does not"),
        ("rnn", {"decode": "ctc_beam", "penalty": -101.0}, "penalty lies between -100 and 100 nats, -101 does not"),
        ("rnn", {"decode": "attention", "lm": "x", "lm_weight": -0.1}, "lm_weight must be 0 or more, not -0.1"),
        ("rnn", {"decode": "attention", "ngram": "x", "ngram_weight": -1.0}, "ngram_weight must be 0 or more, not -1"),
        ("rnn", {"decode": "attention", "lm_weight": 0.5}, "lm_weight is of no use without lm; give lm, or remove it"),
        ("rnn", {"decode": "ctc_beam", "ngram_weight": 0.0}, "ngram_weight is of no use without ngram"),
        ("rnn", {"beam_size": 4}, "asr: 'ctc_greedy' does not use beam_size; remove it"),
        ("rnn", {"decode": "ctc_beam", "ctc_weight": 0.5}, "'ctc_beam' does not use ctc_weight; remove it"),
        ("rnn", {"decode": "ctc_beam", "maxlenratio": 0.5}, "'ctc_beam' does not use maxlenratio"),
        ("transducer", {"decode": "transducer", "penalty": 0.5}, "'transducer' does not use penalty"),
        ("rnn", {"decode": "ctc_beam", "lm": "/nowhere"}, "/nowhere holds no trained language model"),
    ],
)
def test_what_does_not_fit_is_refused(decoder, options, message, build):
    with pytest.raises(UserError, match=message):
        Search(build(decoder), SearchConfig(**options), "asr")
