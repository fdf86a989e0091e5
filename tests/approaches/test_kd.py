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

    distance = 1.0

    def __init__(self, factor: float):
        self.factor, self.centroids = factor, torch.zeros(2, 10)

    def encode(self, wave, lengths, posteriors=False):
        latents = self.factor * wave.reshape(len(wave), -1, 10)
        return EncoderOutput(latents, lengths // 10, latents.log_softmax(-1) if posteriors else None)

    def target(self, clean, lengths, cached, posteriors=False):
        return self.encode(clean, lengths, posteriors)


def losses(options: dict, *factors: float, **context) -> dict:
    teachers = tuple(TeacherInput(Scaled(factor)) for factor in factors)
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
