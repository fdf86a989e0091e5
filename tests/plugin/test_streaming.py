"""ESPnet's own streaming class runs our students frame by frame, and the result is that of the whole utterance."""

import pytest
import torch

from kdse.core.errors import UserError
from kdse.plugin.load import load_front_end
from kdse.plugin.model import enhance
from kdse.plugin.separators import MaskSeparator


@torch.no_grad()
def test_espnet_streams_a_trained_student(kd):
    from espnet2.bin.enh_inference_streaming import SeparateSpeechStreaming

    enh = kd[0] / "enh"
    streaming = SeparateSpeechStreaming(train_config=str(enh / "config.yaml"), model_file=str(enh / "model.pth"))
    noisy, lengths = 0.1 * torch.randn(1, 256 * 40, generator=torch.Generator().manual_seed(0)), torch.tensor([256 * 40])
    whole = enhance(load_front_end(kd[0])[0], noisy, lengths)
    for _ in range(2):  # and a second utterance knows nothing of the first
        chunks = [streaming(frame, fs=16000)[0] for frame in streaming.frame(noisy)]
        streaming.reset()
        torch.testing.assert_close(streaming.merge(chunks, lengths), whole, rtol=0, atol=1e-5)
    assert (whole - noisy).abs().max() > 1e-3


def test_a_network_without_steps_says_so():
    with pytest.raises(UserError, match=r"Identity has no step\(\): it enhances whole utterances only"):
        MaskSeparator(torch.nn.Identity()).forward_streaming(torch.zeros(1, 1, 5, dtype=torch.complex64))
