"""Language models in a search: their share of a score is exactly their weight times their log-probability."""

import argparse
import math

import pytest
import torch
import yaml

from kdse.core.errors import UserError
from kdse.plugin.language_model import load_lm
from kdse.search import ctc
from kdse.search.config import SearchConfig
from kdse.search.lm import Fusion, context_of
from kdse.search.ngram import UNKNOWN, Ngram, NgramContext

TOKENS = ["<blank>", "<unk>", "A", "B", "C", "<sos/eos>"]
EOS = 5
LN10 = math.log(10)
ARPA = """\\data\\
ngram 1=5
ngram 2=3
ngram 3=1

\\1-grams:
-99 <s> -0.5
-1.0 </s>
-0.7 A -0.3
-0.9 B -0.2
-1.1 <unk>

\\2-grams:
-0.4 <s> A -0.1
-0.6 A B -0.25
-0.8 B </s>

\\3-grams:
-0.2 <s> A B

\\end\\
"""
LMS = {
    "lstm": {"lm": "seq_rnn", "lm_conf": {"unit": 8, "nlayers": 2}},
    "gru": {"lm": "seq_rnn", "lm_conf": {"unit": 8, "nlayers": 1, "rnn_type": "gru"}},
    "transformer": {"lm": "transformer", "lm_conf": {"embed_unit": 8, "att_unit": 8, "unit": 16, "layer": 2}},
    "positions": {
        "lm": "transformer",
        "lm_conf": {"embed_unit": 8, "att_unit": 8, "unit": 16, "layer": 1, "pos_enc": "sinusoidal"},
    },
}


@pytest.fixture
def arpa(tmp_path):
    (tmp_path / "tokens.arpa").write_text(ARPA)
    return tmp_path / "tokens.arpa"


@pytest.fixture(params=LMS)
def lm_folder(request, tmp_path):
    """An ESPnet language model with random weights, as its trainer leaves it."""
    from espnet2.tasks.lm import LMTask

    options = LMTask.get_default_config() | LMS[request.param] | {"token_list": TOKENS}
    torch.manual_seed(0)
    model = LMTask.build_model(argparse.Namespace(**options))
    folder = tmp_path / "lm"
    folder.mkdir()
    torch.save(model.state_dict(), folder / "valid.loss.ave.pth")
    kept = {key: value for key, value in options.items() if isinstance(value, str | int | float | list | dict | type(None))}
    (folder / "config.yaml").write_text(yaml.safe_dump(kept))
    return folder


@pytest.mark.parametrize(
    "context, token, log10",
    [
        (("<s>",), "A", -0.4),
        (("<s>",), "B", -0.5 - 0.9),  # back-off weight of <s>, then the unigram
        (("<s>", "A"), "B", -0.2),
        (("<s>", "A"), "A", -0.1 - 0.3 - 0.7),  # twice backed off
        (("B",), "</s>", -0.8),
        (("A", "B"), "</s>", -0.25 - 0.8),
        (("<s>",), "C", -0.5 - 1.1),  # unknown
    ],
)
def test_back_off(arpa, context, token, log10):
    """Katz's rule, by hand from the file."""
    model = Ngram(arpa, TOKENS)
    number = model.number(context)
    model.look([number])
    assert model.scores[number, model.ids[token]] == pytest.approx(log10 * LN10, abs=1e-5)


def test_without_unk_an_unknown_token_is_all_but_impossible(arpa):
    arpa.write_text(ARPA.replace("-1.1 <unk>\n", ""))
    model = Ngram(arpa, TOKENS)
    model.look([model.number(())])
    assert model.scores[0, TOKENS.index("C")] == pytest.approx(UNKNOWN * LN10)


def test_an_ngram_follows_its_prefixes(arpa):
    """log P(A B </s>) = trigram, bigram and a back-off; the other row goes its own way."""
    context = NgramContext(Ngram(arpa, TOKENS), 2)
    total = torch.zeros(2)
    for step in ([2, 3], [3, 2], [EOS, EOS]):
        total += context.scores[torch.arange(2), torch.tensor(step)]
        context.append(torch.tensor(step))
    expected = [-0.4 - 0.2 - 0.25 - 0.8, (-0.5 - 0.9) + (-0.2 - 0.7) + (-0.3 - 1.0)]
    assert total.tolist() == pytest.approx([LN10 * value for value in expected], abs=1e-5)


def test_an_ngrams_scores_are_on_the_device_of_the_search(arpa):
    """Torch's device without values stands for any."""
    context = NgramContext(Ngram(arpa, TOKENS), 2, "meta")
    context.select(slice(2))
    context.append(torch.tensor([2, 3]))
    context.append(torch.tensor([3]), torch.tensor([1]))
    assert context.scores.device.type == "meta" and context.scores.shape == (2, len(TOKENS))


@pytest.mark.parametrize(
    "text, message",
    [
        ("hello\n", "is no ARPA file: it holds no n-grams"),
        (ARPA.replace("-0.9 B -0.2", "-0.9 B C -0.2"), "line 10 is no 1-gram"),
        (ARPA.replace("-0.4 <s> A", "x <s> A"), "line 14 is no 2-gram"),
        (ARPA.replace("A", "X").replace("B", "Y"), "has none of the recogniser's tokens"),
    ],
)
def test_a_file_that_is_no_model_is_refused(arpa, text, message):
    arpa.write_text(text)
    with pytest.raises(UserError, match=message):
        Ngram(arpa, TOKENS)


def reference(lm, labels: list[int]) -> torch.Tensor:
    """(V,) log-probabilities of what follows, by the model's own forward over the whole prefix."""
    with torch.no_grad():
        out, _ = lm(torch.tensor([[EOS, *labels]]), None)
    return out[0, -1].log_softmax(-1)


def test_prefixes_under_an_espnet_model_are_scored_as_by_its_own_forward(lm_folder):
    """All at once, reordered, and some rows only, so that lengths differ."""
    lm = load_lm(lm_folder, TOKENS)
    with torch.no_grad():
        context = context_of(lm, EOS, 3)
        context.append(torch.tensor([2, 3, 4]))
        context.select(torch.tensor([2, 0, 0]))
        context.append(torch.tensor([4, 3, 2]))
        expected = [[4, 4], [2, 3], [2, 2]]
        assert torch.allclose(context.scores, torch.stack([reference(lm, labels) for labels in expected]), atol=1e-5)
        context.append(torch.tensor([3, 2]), torch.tensor([2, 0]))
        context.append(torch.tensor([2]), torch.tensor([2]))
        context.select(torch.tensor([2, 1, 0, 2]))
        expected = [[2, 2, 3, 2], [2, 3], [4, 4, 2], [2, 2, 3, 2]]
        assert torch.allclose(context.scores, torch.stack([reference(lm, labels) for labels in expected]), atol=1e-5)


@pytest.mark.parametrize("weight", [0.3, 1.0])
def test_a_language_model_adds_weight_times_its_score(lm_folder, arpa, weight):
    """Score = log P_ctc(labels) + penalty · labels + weight · log P_lm(labels, end), with log P_ctc from torch's own loss."""
    lm, ngram = load_lm(lm_folder, TOKENS), Ngram(arpa, TOKENS)
    frames = torch.tensor([7, 4, 6])
    logits = 2.0 * torch.randn(3, 7, 6, generator=torch.Generator().manual_seed(0))
    logits[..., [0, EOS]] -= torch.tensor([0.0, 100.0])
    log_probs = logits.log_softmax(-1)
    with torch.no_grad():
        fusion = Fusion([(weight, context_of(lm, EOS, 600)), (0.5 * weight, NgramContext(ngram, 600))])
        found = ctc.beam_search(log_probs, frames, beam=200, blank=0, eos=EOS, lm=fusion, penalty=0.25)
    for row, result in enumerate(found):
        labels, count = torch.tensor([result.tokens]), frames[row : row + 1]
        loss = torch.nn.functional.ctc_loss(
            log_probs[row, :count, None], labels, count, torch.tensor([labels.shape[1]]), reduction="sum"
        )
        steps = [*result.tokens, EOS]
        by_lm = sum(float(reference(lm, steps[:i])[token]) for i, token in enumerate(steps))
        rows = NgramContext(ngram, 1)
        by_ngram = 0.0
        for token in steps:
            by_ngram += float(rows.scores[0, token])
            rows.append(torch.tensor([token]))
        expected = -float(loss) + 0.25 * len(result.tokens) + weight * by_lm + 0.5 * weight * by_ngram
        assert result.tokens and result.score == pytest.approx(expected, abs=1e-3)


def test_a_recognisers_folder_is_no_language_models(tmp_path):
    """Before anything is loaded, as where there is none."""
    (tmp_path / "config.yaml").write_text("encoder: conformer\n")
    (tmp_path / "model.pth").touch()
    for lm, message in (
        (tmp_path, "is no language model's folder: .*config.yaml has no 'lm'"),
        (tmp_path / "x", "holds no trained"),
    ):
        with pytest.raises(UserError, match=f"{lm} {message}"):
            SearchConfig(decode="ctc_beam", lm=str(lm)).check("here")
    with pytest.raises(UserError, match="here: there is no n-gram model nowhere"):
        SearchConfig(decode="ctc_beam", ngram="nowhere").check("here")


def test_a_model_with_other_tokens_is_refused(lm_folder):
    with pytest.raises(UserError, match="has other tokens than the recogniser"):
        load_lm(lm_folder, ["<blank>", "<unk>", "A", "<sos/eos>"])
