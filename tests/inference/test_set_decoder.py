"""What stage 8 makes of waves and folders that are out of the ordinary."""

import shutil
import threading

import numpy as np
import pytest
import torch

from kdse.cli import main
from kdse.core.errors import UserError
from kdse.core.step import Step, done_config
from kdse.data.audio import read_audio
from kdse.data.datadir import read_table
from kdse.inference.set_decoder import SetDecoder
from kdse.plugin.frozen_encoder import PADDING, encode
from kdse.plugin.load import load_teacher
from kdse.recognisers.espnet import Espnet, EspnetOptions
from kdse.recognisers.registry import ESPNET
from kdse.tokens.codebook import read_tokens


@pytest.mark.parametrize("samples", [1, 256, 257, 400, 800, 1039])
def test_short_waves_are_followed_by_silence(backend, tokens, samples):
    """Down to one sample: a hypothesis and tokens, those of the wave with as much silence as the encoder needs, and no more."""
    wave = (0.1 * np.random.default_rng(0).standard_normal(samples)).astype(np.float32)
    recogniser = Espnet(EspnetOptions(), backend, tokens)
    (hypothesis,) = recogniser.transcribe([wave])
    padded = next(n for n in range(samples, 8000, PADDING) if _encodes(recogniser.model, n))
    (expected,) = recogniser.transcribe([np.pad(wave, (0, padded - samples))])
    assert hypothesis.words == expected.words and len(hypothesis.tokens) and (hypothesis.tokens == expected.tokens).all()


def _encodes(asr: torch.nn.Module, samples: int) -> bool:
    try:
        asr.encode(torch.zeros(1, samples), torch.tensor([samples]))
    except Exception:  # ESPnet's TooShortUttError, or of the STFT
        return False
    return True


def test_an_encoder_that_fails_otherwise_says_so(asr_model):
    """Silence is no cure for what is no matter of length."""
    asr = asr_model("conformer", cnn_module_kernel=3).eval()
    asr.encoder.forward = None
    with pytest.raises(TypeError):
        encode(asr, torch.zeros(1, 4000))
    asr.encode = lambda *args: torch.zeros(2) @ torch.zeros(3)
    with pytest.raises(RuntimeError, match="size"):
        encode(asr, torch.zeros(1, 100))


def test_tokens_of_another_training_are_refused(backend, tokens, noisy_set, tmp_path, capsys):
    """Of the same shapes, so that their origin alone tells; in stage 8 as where they teach."""
    other = shutil.copytree(tokens, tmp_path / "tokens")
    Step(other, done_config(tokens) | {"backend": "0123"}, "acoustic tokens").finish()
    with pytest.raises(UserError, match=r"tokens were made with another recogniser than .*; run stage 5 with this one"):
        load_teacher(backend, other)
    words = ["--run", tmp_path / "mct_noisy_seed0", "--backend", backend, "--tokens", other, "--sets", noisy_set.name]
    assert main(["decode", *map(str, words), "--dump", str(noisy_set.parent), "--corpus", "tiny"]) == 2
    assert "were made with another recogniser" in capsys.readouterr().err and not (tmp_path / "mct_noisy_seed0").exists()


def test_a_set_without_utterances_is_refused(backend, noisy_set, tmp_path, capsys):
    (noisy_set / "wav.scp").write_text("")
    words = ["--run", tmp_path / "mct_noisy_seed0", "--backend", backend, "--sets", noisy_set.name, "--corpus", "tiny"]
    assert main(["decode", *map(str, words), "--dump", str(noisy_set.parent)]) == 2
    assert "wav.scp names no utterance" in capsys.readouterr().err
    assert not list((tmp_path / "mct_noisy_seed0").rglob("text"))


def test_jobs_that_need_clean_tokens_at_once_make_them_once(backend, tokens, noisy_set, tmp_path, monkeypatch):
    """--inference_nj: the jobs share the folder of the tokenizer."""
    folder, made, transcribe = shutil.copytree(tokens, tmp_path / "tokens"), [], SetDecoder.transcribe
    shutil.copy(noisy_set / "wav.scp", noisy_set / "spk1.scp")
    shutil.rmtree(folder / "clean_tiny", ignore_errors=True)
    monkeypatch.setattr(SetDecoder, "transcribe", lambda self, *args: made.append(args) or transcribe(self, *args))
    results = []

    def job() -> None:
        decoder = SetDecoder("asr", ESPNET, EspnetOptions(), backend=backend, tokens=folder)
        results.append(decoder.clean_tokens(noisy_set))

    jobs = [threading.Thread(target=job) for _ in range(3)]
    for thread in jobs:
        thread.start()
    for thread in jobs:
        thread.join()
    assert len(made) == 1 and len(results) == 3
    kept = read_tokens(folder / "clean_tiny" / "tokens")
    assert all((x[utt] == kept[utt]).all() for x in results for utt in kept)


def test_the_recogniser_hears_the_mixture(enhance, noisy_set, run):
    """The samples that are decoded at ω = 0.25, item by item."""
    assert enhance(run, noisy_set) == 0
    decoder, given = echo()
    hypotheses = decoder.transcribe(run / "enhanced/tiny/wav.scp", "x", noisy_set / "wav.scp", 0.25)
    assert sum(map(len, given)) == len(hypotheses)
    for utt, noisy in read_table(noisy_set / "wav.scp").items():
        enhanced = read_audio(read_table(run / "enhanced/tiny/wav.scp")[utt])
        wave = given[int(hypotheses[utt].words)][0]
        assert wave.dtype == np.float32
        np.testing.assert_allclose(32768 * wave, 0.75 * enhanced + 0.25 * read_audio(noisy), atol=1e-6)


def test_a_set_need_not_fit_into_memory(noisy_set):
    """The recogniser is given the audio of one batch at a time; three utterances of three lengths are three batches."""
    decoder, given = echo()
    assert {utt: h.words for utt, h in decoder.transcribe(noisy_set / "wav.scp", "x").items()} == {"t0": "0", "t1": "1", "t2": "2"}
    assert [len(waves) for waves in given] == [1, 1, 1]


def echo():
    """A decoder whose recogniser takes waves of one length and says the number of its call; and the waves that it was given."""
    from kdse.inference.set_decoder import SetDecoder
    from kdse.recognisers.base import Hypothesis, Options

    class Echo:
        equal_lengths = True

        def transcribe(self, waves):
            given.append(waves)
            return [Hypothesis(str(len(given) - 1))] * len(waves)

    decoder, given = SetDecoder("echo", "echo", Options()), []
    decoder._loaded = Echo()
    return decoder, given
