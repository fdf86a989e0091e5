"""The one list of metrics: name, label, digits and direction of every score, and the column of a row that holds it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Metric:
    """How one score is read from rows and shown.

    Attributes:
        name: also the row's column, unless `counts` names another.
        label: in tables.
        digits: after the point, in tables.
        lower_is_better: the direction.
        scale: turns the ratio into what is printed (100 for per cent).
        counts: column with [n_ref, sub, del, ins], for rates of errors.
        groups: tables that show it, in the order of the registry: "main", "paper" (its tables 5 and 6), "quality".
        bold: whether its best value may be printed bold.
    """

    name: str
    label: str
    digits: int
    lower_is_better: bool = False
    scale: float = 1.0
    counts: str = ""
    groups: tuple[str, ...] = ("quality",)
    bold: bool = True

    def parts(self, row: Mapping[str, Any]) -> tuple[float, float]:
        """(numerator, denominator) of one row; NaN where the score is missing or was not computed."""
        if self.counts:
            n_ref, *errors = row[self.counts]
            return self.scale * sum(errors), n_ref
        value = row[self.name]
        return (math.nan, math.nan) if value is None else (self.scale * value, 1.0)


_MAIN, _PAPER = ("main", "paper", "quality"), ("paper", "quality")
METRICS = {
    metric.name: metric
    for metric in (
        Metric("wer", "WER %", 1, True, 100.0, "word", ()),
        Metric("cer", "CER %", 1, True, 100.0, "char", ()),
        Metric("pesq_wb", "PESQ-WB", 2, groups=_MAIN),
        Metric("stoi", "STOI", 3, groups=_MAIN),
        Metric("csig", "CSIG", 2, groups=_PAPER),
        Metric("cbak", "CBAK", 2, groups=_PAPER),
        Metric("covl", "COVL", 2, groups=_PAPER),
        Metric("sdr", "SDR dB", 1, groups=_PAPER),
        Metric("sir", "SIR dB", 1, groups=_PAPER),
        Metric("sar", "SAR dB", 1, groups=_PAPER),
        Metric("ssnr", "SSNR dB", 1, groups=_PAPER),
        Metric("snr_out", "SNR dB", 1, groups=_PAPER),
        Metric("pesq_nb", "PESQ-NB", 2),
        Metric("estoi", "ESTOI", 3),
        Metric("si_sdr", "SI-SDR dB", 1, groups=("main", "quality")),
        Metric("token_error_rate", "token errors %", 1, True, 100.0, groups=("main",)),
        Metric("wada_snr", "WADA-SNR dB", 1, bold=False),  # a guess of the level of noise, which enhancement misleads
        Metric("dnsmos_sig", "DNSMOS SIG", 2),
        Metric("dnsmos_bak", "DNSMOS BAK", 2),
        Metric("dnsmos_ovrl", "DNSMOS OVRL", 2),
        Metric("dnsmos_p808", "DNSMOS P.808", 2),
    )
}
"""{name: metric}, in the order of tables. To add a metric: the function that computes it, and one entry here."""
WER, CER = METRICS["wer"], METRICS["cer"]
COLUMNS = tuple(name for name, metric in METRICS.items() if not metric.counts)
"""The columns of a score row that hold metrics."""


def group(name: str) -> tuple[Metric, ...]:
    """The metrics of one kind of table, in order."""
    return tuple(metric for metric in METRICS.values() if name in metric.groups)
