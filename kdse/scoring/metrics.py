"""The one list of metrics: name, label, digits and direction of every score, the column that holds it, and what computes it."""

import importlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

REFERENCE, MIXTURE, ESTIMATE, RECORDING, TEXT = "reference", "mixture", "estimate", "recording", "text"
"""What a function is called with, and when; see `Metric.takes`."""


@dataclass(frozen=True)
class Metric:
    """How one score is computed, read from rows and shown.

    Attributes:
        name: also the row's column, unless `counts` names another.
        label: in tables.
        digits: after the point, in tables.
        lower_is_better: the direction.
        scale: turns the ratio into what is printed (100 for per cent).
        counts: column with [n_ref, sub, del, ins], for rates of errors.
        groups: tables that show it, in the order of the registry: "main", "paper" (its tables 5 and 6), "quality".
        bold: whether its best value may be printed bold.
        code: module:function that computes it; "" where stage 8 did. (A text, so that reports read this list without the packages
            that compute.) A function that computes several metrics is called once for all. It returns a float, {metric: value} or
            `ItemScores`, and raises `Missing` where there is no score.
        takes: what the function is called with; signals are (N,) float in −1 … 1.
            REFERENCE: (reference, estimate).
            MIXTURE: (reference, mixture, estimates with every share ω); returns a list of `ItemScores`.
            ESTIMATE: (estimate).
            RECORDING: (estimate), only where there is no reference.
            TEXT: (reference, hypothesis), normalised; returns what the column `counts` holds.
    """

    name: str
    label: str
    digits: int
    lower_is_better: bool = False
    scale: float = 1.0
    counts: str = ""
    groups: tuple[str, ...] = ("quality",)
    bold: bool = True
    code: str = ""
    takes: str = REFERENCE

    @property
    def column(self) -> str:
        """The row's column."""
        return self.counts or self.name

    @property
    def function(self) -> Callable[..., Any]:
        """What `code` names; imports its module."""
        module, _, name = self.code.partition(":")
        return getattr(importlib.import_module(module), name)

    def parts(self, row: Mapping[str, Any]) -> tuple[float, float]:
        """(numerator, denominator) of one row; NaN where the score is missing or was not computed."""
        value = row[self.column]
        if value is None:
            return math.nan, math.nan
        if self.counts:
            n_ref, *errors = value
            return self.scale * sum(errors), n_ref
        return self.scale * value, 1.0


_MAIN, _PAPER = ("main", "paper", "quality"), ("paper", "quality")
_PESQ, _STOI = "kdse.scoring.perceptual:perceptual", "kdse.scoring.intelligibility:intelligibility"
_BSS, _DNSMOS = "kdse.scoring.separation:separation", "kdse.scoring.blind:dnsmos"
METRICS = {
    metric.name: metric
    for metric in (
        Metric("wer", "WER %", 1, True, 100.0, "word", (), code="kdse.scoring.words:word_errors", takes=TEXT),
        Metric("cer", "CER %", 1, True, 100.0, "char", (), code="kdse.scoring.words:char_errors", takes=TEXT),
        Metric("pesq_wb", "PESQ-WB", 2, groups=_MAIN, code=_PESQ),
        Metric("stoi", "STOI", 3, groups=_MAIN, code=_STOI),
        Metric("csig", "CSIG", 2, groups=_PAPER, code=_PESQ),
        Metric("cbak", "CBAK", 2, groups=_PAPER, code=_PESQ),
        Metric("covl", "COVL", 2, groups=_PAPER, code=_PESQ),
        Metric("sdr", "SDR dB", 1, groups=_PAPER, code=_BSS, takes=MIXTURE),
        Metric("sir", "SIR dB", 1, groups=_PAPER, code=_BSS, takes=MIXTURE),
        Metric("sar", "SAR dB", 1, groups=_PAPER, code=_BSS, takes=MIXTURE),
        Metric("ssnr", "SSNR dB", 1, groups=_PAPER, code=_PESQ),
        Metric("snr_out", "SNR dB", 1, groups=_PAPER, code="kdse.scoring.ratios:snr_out"),
        Metric("pesq_nb", "PESQ-NB", 2, code=_PESQ),
        Metric("estoi", "ESTOI", 3, code=_STOI),
        Metric("si_sdr", "SI-SDR dB", 1, groups=("main", "quality"), code="kdse.scoring.ratios:si_sdr"),
        Metric("token_error_rate", "token errors %", 1, True, 100.0, groups=("main",)),
        # a guess of the level of noise, which enhancement misleads
        Metric("wada_snr", "WADA-SNR dB", 1, bold=False, code="kdse.scoring.blind:wada_snr", takes=ESTIMATE),
        Metric("dnsmos_sig", "DNSMOS SIG", 2, code=_DNSMOS, takes=RECORDING),
        Metric("dnsmos_bak", "DNSMOS BAK", 2, code=_DNSMOS, takes=RECORDING),
        Metric("dnsmos_ovrl", "DNSMOS OVRL", 2, code=_DNSMOS, takes=RECORDING),
        Metric("dnsmos_p808", "DNSMOS P.808", 2, code=_DNSMOS, takes=RECORDING),
    )
}
"""{name: metric}, in the order of tables. To add a metric: the function that computes it, and one entry here."""
WER, CER = METRICS["wer"], METRICS["cer"]

_FIRST_COLUMNS = (
    "pesq_wb", "pesq_nb", "stoi", "estoi", "csig", "cbak", "covl", "sdr", "sir", "sar", "si_sdr", "snr_out", "ssnr",
    "wada_snr", "dnsmos_sig", "dnsmos_bak", "dnsmos_ovrl", "dnsmos_p808", "token_error_rate",
)  # fmt: skip
"""The order in which the committed rows hold their columns; those of later metrics follow by themselves."""
_FIRST_SCORED = (
    "pesq_wb", "pesq_nb", "csig", "cbak", "covl", "ssnr", "stoi", "estoi", "si_sdr", "snr_out", "sdr", "sir", "sar",
    "wada_snr", "dnsmos_sig", "dnsmos_bak", "dnsmos_ovrl", "dnsmos_p808",
)  # fmt: skip
"""The order that finished runs remember (`kdse.scoring.quality_cache`); later metrics follow by themselves."""


def _ordered(names: list[str], first: tuple[str, ...]) -> tuple[str, ...]:
    return (*(name for name in first if name in names), *(name for name in names if name not in first))


COUNTS = tuple(metric.counts for metric in METRICS.values() if metric.counts)
"""The columns of a score row with [n_ref, sub, del, ins]."""
SCORES = _ordered([name for name, metric in METRICS.items() if not metric.counts], _FIRST_COLUMNS)
"""The columns of a score row with one number, in their order."""
FROM_AUDIO = _ordered([name for name, metric in METRICS.items() if metric.code and metric.takes != TEXT], _FIRST_SCORED)
"""The metrics that `kdse.scoring.quality` computes."""


def group(name: str) -> tuple[Metric, ...]:
    """The metrics of one kind of table, in order."""
    return tuple(metric for metric in METRICS.values() if name in metric.groups)
