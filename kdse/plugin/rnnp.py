"""ESPnet's projected LSTM encoder (`RNNP`, version 202511) drops units between its layers in eval mode, too: a recogniser with it
gives other words each time it is asked. Here it drops none while it listens."""

import kdse.plugin.quiet  # noqa: F401  isort: skip
from espnet.nets.pytorch_backend.rnn.encoders import RNNP


def _rate(encoder: RNNP) -> float:
    return encoder.__dict__["dropout"] if encoder.training else 0.0


def _set_rate(encoder: RNNP, rate: float) -> None:
    encoder.__dict__["dropout"] = rate


def register() -> None:
    """Let every such encoder know whether it trains."""
    RNNP.dropout = property(_rate, _set_rate)
