"""`kd`: further terms of its loss, and several teachers; numbers with teachers that are stand-ins."""

import pytest
import torch

from kdse.approaches import build
from kdse.approaches.context import BatchContext, EncoderOutput, TeacherInput
from kdse.core.errors import UserError
from kdse.losses import gram

S = 0.1 * torch.randn(2, 60, generator=torch.Generator().manual_seed(0))
Y = S + 0.05 * torch.randn(2, 60, generator=torch.Generator().manual_seed(1))
LENGTHS = torch.tensor([60, 60])


class Scaled:
    """A recogniser whose frames are ten samples, times a factor."""

    distance, ctc, has_decoder = 1.0, None, False

    def __init__(self, factor: float):
        self.factor, self.centroids = factor, torch.zeros(2, 10)

    def encode(self, wave, lengths, posteriors=False):
        latents = self.factor * wave.reshape(len(wave), -1, 10)
        return EncoderOutput(latents, lengths // 10, latents.log_softmax(-1) if posteriors else None)

    def target(self, clean, lengths, cached, posteriors=False):
        return self.encode(clean, lengths, posteriors)


class OfLayers(Scaled):
    """Its layer n is n times the waveform."""

    def __init__(self, *layers: int):
        super().__init__(1.0)
        self.compared = layers

    def encode(self, wave, lengths, posteriors=False):
        output = super().encode(wave, lengths, posteriors)
        return output._replace(compared=tuple(number * output.latents for number in self.compared))


def having(ctc: bool = False, decoder: bool = False) -> Scaled:
    """A teacher with CTC, with a decoder that expects what the first frame says, or with neither."""
    made = Scaled(1.0)
    made.ctc, made.has_decoder = ("ctc" if ctc else None), decoder
    made.decode = lambda output, words: output.latents[:, :1].expand(-1, words.shape[1] + 1, -1)
    return made


def losses(options: dict, *factors: float, weights: tuple[float, ...] = (), **context) -> dict:
    shares = weights or (1.0,) * len(factors)
    teachers = tuple(TeacherInput(Scaled(factor), weight=weight) for factor, weight in zip(factors, shares, strict=True))
    return build("kd", options)(Y, S, LENGTHS, BatchContext(teachers=teachers, **context))


def test_terms_have_their_weight_and_their_name():
    found = losses({"terms": {"l_gram": 0.3, "l_ctc_kl": 0, "l_spectrum": 2.0}}, 1.0, se_teacher_wave=S)
    assert [found[name][0] for name in ("l_gram", "l_ctc_kl", "l_spectrum")] == [0.3, 0, 2]
    expected = gram(Y.reshape(2, 6, 10), S.reshape(2, 6, 10), LENGTHS // 10)
    assert torch.equal(found["l_gram"][1], expected)
    assert found["l_ctc_kl"][1] > 0 and found["l_spectrum"][1] > 0


def test_without_terms_there_are_none():
    assert losses({}, 1.0).keys() == {"l_r", "l_e", "l_d", "token_error_rate"}


def test_a_loss_of_several_teachers_is_the_mean():
    """Factors 1, 2 and 3: squared distances are 1, 4 and 9 times the first's."""
    alone, three = losses({"terms": {"l_gram": 1.0}}, 1.0), losses({"terms": {"l_gram": 1.0}}, 1.0, 2.0, 3.0)
    torch.testing.assert_close(three["l_e"][1], alone["l_e"][1] * 14 / 3)
    torch.testing.assert_close(three["l_gram"][1], alone["l_gram"][1])  # which knows no level
    assert torch.equal(three["l_r"][1], alone["l_r"][1])


def test_the_mean_of_several_teachers_is_weighted():
    """Squared distances are 1, 4 and 9 times the first's, weights 1, 0.5 and 0.5: (1 + 2 + 4.5) / 2; only their ratio counts."""
    alone = losses({}, 1.0)
    for weights in ((1.0, 0.5, 0.5), (20.0, 10.0, 10.0)):
        three = losses({}, 1.0, 2.0, 3.0, weights=weights)
        torch.testing.assert_close(three["l_e"][1], alone["l_e"][1] * 7.5 / 2)
        assert three["l_e"][0] == alone["l_e"][0] and torch.equal(three["l_r"][1], alone["l_r"][1])
    assert torch.equal(losses({}, 1.0, weights=(0.3,))["l_e"][1], alone["l_e"][1])  # alone it has no one to share with


def of_teachers(options: dict, *teachers: Scaled) -> dict:
    words = (torch.tensor([[1], [1]]), torch.tensor([1, 1]))
    given = tuple(TeacherInput(teacher, None, words) for teacher in teachers)
    return build("kd", options)(Y, S, LENGTHS, BatchContext(teachers=given))


def test_a_distance_of_several_layers_is_their_mean():
    """Layers 1, 2 and 3 times as large: squared distances 1, 4 and 9. Tokens are those of one layer."""
    one, three = of_teachers({}, Scaled(1.0)), of_teachers({}, OfLayers(1, 2, 3))
    torch.testing.assert_close(three["l_e"][1], one["l_e"][1] * 14 / 3)
    assert torch.equal(three["l_d"][1], one["l_d"][1])


def test_each_teacher_is_asked_for_the_sequence_that_it_has():
    """`auto`: a decoder before CTC, and self-similarities of an encoder alone; of several, the mean."""
    auto = {"lambda_q": 1.0, "sequence": "auto"}
    teachers = {"att_kl": having(ctc=True, decoder=True), "ctc_kl": having(ctc=True), "gram": having()}
    alone = {kind: of_teachers(auto, teacher)["l_q"][1] for kind, teacher in teachers.items()}
    for kind, teacher in teachers.items():
        expected = of_teachers({"lambda_q": 1.0, "sequence": kind}, teacher)["l_q"][1]
        assert torch.equal(alone[kind], expected) and expected > 0, kind
    assert len({value.item() for value in alone.values()}) == 3
    together = of_teachers(auto, *teachers.values())["l_q"][1]
    torch.testing.assert_close(together, sum(alone.values()) / 3)


def test_who_is_asked_for_hypotheses():
    assert [build("kd", {"lambda_q": 1.0, "sequence": "auto"}).asks_decoder(has) for has in (True, False)] == [True, False]
    assert build("kd", {"lambda_q": 1.0, "sequence": "att_kl"}).asks_decoder(False)  # which is refused where it has none
    assert not any(build("kd", {"sequence": kind}).asks_decoder(True) for kind in ("auto", "att_kl", "ctc_kl"))


def test_what_terms_need():
    assert build("kd", {"terms": {"l_spectrum": 0.1}}).needs_se_teacher and not build("kd", {}).needs_se_teacher
    approach = build("kd", {"terms": {"l_ctc_kl": 0.1, "l_gram": 1}, "lambda_q": 1.0, "sequence": "seq_kd"})
    assert approach.needs_posteriors and approach.posterior_losses == ["seq_kd", "l_ctc_kl"]
    assert not build("kd", {"terms": {"l_gram": 1}, "lambda_q": 1.0, "sequence": "gram"}).needs_posteriors


@pytest.mark.parametrize(
    "terms, message",
    [
        ({"l_gramm": 1.0}, r"terms: there is no option 'l_gramm' \(did you mean 'l_gram'\?\)"),
        ({"l_gram": "1"}, "terms: the weight of l_gram is a finite number, not '1'"),
        ({"l_gram": float("nan")}, "terms: the weight of l_gram is a finite number, not nan"),
        (["l_gram"], r"approach kd: terms takes a dict like \{\}, not \['l_gram'\]"),
    ],
)
def test_terms_that_cannot_be(terms, message):
    with pytest.raises(UserError, match=message):
        build("kd", {"terms": terms})
