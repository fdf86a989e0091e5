"""Run in a process of its own: what ESPnet does without kdse's patches, as one line of JSON at the end of stdout."""

import argparse
import json
import logging
import sys
import warnings

TOKENS = ["<blank>", "<unk>", "a", "<sos/eos>"]


def main() -> None:
    import nltk

    asked = []
    nltk.download = lambda *args, **kwargs: asked.append(args)
    with warnings.catch_warnings(record=True) as at_import:
        warnings.simplefilter("default")
        from espnet2.enh.espnet_model import ESPnetEnhancementModel
        from espnet2.tasks.asr import ASRTask
    assert "kdse" not in sys.modules
    logged = Records(logging.WARNING)
    logging.root.addHandler(logged)
    ctc = build(ASRTask, encoder="rnn", encoder_conf={"hidden_size": 8, "output_size": 8, "subsample": [1, 1]}, decoder=None)
    print(
        json.dumps(
            {
                "downloads": len(asked),
                "warnings_at_import": len(at_import),
                "aligner": "espnet2.gan_tts.jets.alignments" in sys.modules,
                "typeguard": "typeguard" in ESPnetEnhancementModel.__init__.__code__.co_names,
                "logged": logged.messages,
                "warnings_in_forward": warnings_in_forward(ctc),
                "hann_sqrt": has_hann_sqrt(),
                "rnnp_agrees": rnnp_agrees(),
                "transducer": transducer(ASRTask),
            }
        )
    )


class Records(logging.Handler):
    """Keeps what is logged."""

    def __init__(self, level: int):
        super().__init__(level)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


def build(task, **options):
    defaults = task.get_default_config() | {"token_list": TOKENS, "normalize": None, "frontend_conf": {"n_mels": 8}}
    return task.build_model(argparse.Namespace(**defaults | {"model_conf": {"ctc_weight": 1.0}} | options))


def warnings_in_forward(model) -> list[str]:
    import torch

    with warnings.catch_warnings(record=True) as seen, torch.no_grad():
        warnings.simplefilter("always")
        model.eval().encode(torch.randn(1, 4000), torch.tensor([4000]))
    return [f"{warning.category.__name__}: {warning.message}" for warning in seen]


def has_hann_sqrt() -> bool:
    """Whether torch has the window."""
    import torch

    return hasattr(torch, "hann_sqrt_window")


def rnnp_agrees() -> bool:
    """Whether two passes in eval mode give the same."""
    import torch
    from espnet.nets.pytorch_backend.rnn.encoders import RNNP

    torch.manual_seed(0)
    encoder = RNNP(4, 2, 8, 8, [1, 1, 1], 0.5, "lstm").eval()
    x = torch.randn(1, 20, 4)
    first, second = (encoder(x, torch.tensor([20]))[0] for _ in range(2))
    return bool(torch.equal(first, second))


def transducer(task) -> str:
    """The error of building a transducer, or an empty text."""
    try:
        build(task, decoder="transducer", model_conf={"ctc_weight": 0.0}, joint_net_conf={"joint_space_size": 8})
    except ImportError as e:
        return str(e)
    return ""


if __name__ == "__main__":
    main()
