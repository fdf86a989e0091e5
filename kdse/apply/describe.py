"""What `kdse doctor` says of an examination, in plain words, on one screen."""

import math
from collections.abc import Iterator, Sequence
from itertools import chain
from textwrap import wrap

from kdse.apply.examine import Examination
from kdse.apply.taken import SNR_RANGE

KINDS = {
    "PCM_S8": "8-bit integers",
    "PCM_U8": "8-bit integers",
    "PCM_16": "16-bit integers",
    "PCM_24": "24-bit integers",
    "PCM_32": "32-bit integers",
    "FLOAT": "32-bit floats",
    "DOUBLE": "64-bit floats",
    "ULAW": "µ-law",
    "ALAW": "A-law",
    "VORBIS": "Vorbis",
    "OPUS": "Opus",
    "MPEG_LAYER_III": "MPEG layer III",
}
"""{libsndfile's name: plain words}"""
ALIKE = 1.0
"""dB. Channels whose levels differ by no more are given one number."""
OFFSET = 0.001
"""A DC offset from this on is named."""
TELEPHONE = 4300.0
"""Hz. What ends below came over a telephone, whatever the file's rate."""
ABOVE = 0.0005
"""A share of the energy from this on is named."""
WIDTH = 100
"""Letters of a line."""
MOST_CHANNELS = 8
"""That are listed."""


def describe(found: Examination) -> str:
    """The whole answer: a line with the file's name, and a line for each thing, indented."""
    lines = [found.name]
    for label, texts in _sections(found):
        for text in chain.from_iterable(wrap(text, WIDTH) for text in texts):
            lines.append(f"  {label:<11}{text}")
            label = ""
    return "\n".join(lines)


def _sections(found: Examination) -> Iterator[tuple[str, list[str]]]:
    yield "format", [_format(found)]
    yield "level", list(_level(found))
    yield "clipping", [_clipping(found)]
    yield "silence", [_silence(found)]
    if found.silent < 1:
        yield "bandwidth", list(_bandwidth(found))
        yield "noise", [_noise(found)]
        yield "front end", list(_taken(found))
    yield "advice", [str(found.advice)]
    if found.advice.enhance:
        yield "", ["whether a recogniser gains is another question: kdse transcribe shows it"]


def _format(found: Examination) -> str:
    form = found.format
    kind = KINDS.get(form.kind, form.kind)
    channels = "mono" if form.channels == 1 else f"{form.channels} channels"
    return f"{form.container}, {kind}, {form.rate} Hz, {channels}, {length(found.seconds)}"


def _level(found: Examination) -> Iterator[str]:
    yield f"RMS {_channels(found.rms)} dBFS, peak {_channels(found.peak)} dBFS{_beyond(max(found.peak))}"
    offset = max(found.dc, key=abs)
    if abs(offset) >= OFFSET:
        yield f"a DC offset of {100 * offset:+.1f} % of full scale"


def _beyond(peak: float) -> str:
    return ", beyond full scale" if peak > 0 else ""


def _channels(levels: Sequence[float]) -> str:
    """One number where the channels are alike, else one for each."""
    if max(levels) - min(levels) <= ALIKE or len(set(levels)) == 1:
        return _number(max(levels))
    more = f" and {len(levels) - MOST_CHANNELS} more" if len(levels) > MOST_CHANNELS else ""
    return " / ".join(map(_number, levels[:MOST_CHANNELS])) + more


def _number(level: float) -> str:
    return f"{level:.1f}" if math.isfinite(level) else "-inf"


def _clipping(found: Examination) -> str:
    if not found.clipped_places:
        return "none"
    places = ", ".join(f"{moment(second)} ({count} samples)" for second, count in found.clipped_places)
    return f"{share(found.clipped)} of the samples, worst at {places}; enhancing does not mend them"


def _silence(found: Examination) -> str:
    if found.silent == 1:
        return "nothing else"
    if not found.silent:
        return "none"
    start, seconds = found.longest_silence
    return f"{share(found.silent)} of the time, at most {seconds:.1f} s, at {moment(start)}"


def _bandwidth(found: Examination) -> Iterator[str]:
    reach, most = found.bandwidth / 1000, found.format.rate / 2000
    telephone = " as over a telephone;" if found.bandwidth < TELEPHONE < found.format.rate / 2 else ""
    yield f"up to {reach:.1f} kHz;{telephone} the rate allows {most:g} kHz"
    if found.lost_above >= ABOVE:
        yield f"enhanced, it would lose what lies above {found.model_rate / 2000:g} kHz, {share(found.lost_above)} of its energy"


def _noise(found: Examination) -> str:
    low, high = SNR_RANGE
    snr = found.taken.snr
    value = f"{high:g} dB or more" if snr >= high else f"{low:g} dB or less" if snr <= low else f"about {snr:.0f} dB"
    return f"SNR {value}, an estimate: what the front end keeps over what it takes; too high in noises that come and go"


def _taken(found: Examination) -> Iterator[str]:
    taken = found.taken
    what = f"takes away {share(taken.removed)} of the energy" if taken.removed >= 0 else "takes away nothing"
    parts = [f"{name} {gain(value)}" for name, value in (("speech", taken.gain_speech), ("pauses", taken.gain_pauses))]
    yield f"{what}: {', '.join(parts)}"
    yield "by band, dB: " + ", ".join(f"{_band(low, high)} {gain(value, '')}" for low, high, value in taken.bands)
    if found.output:
        yield f"(without the {found.output} that this model states and kdse enhance applies)"


def _band(low: float, high: float) -> str:
    if low < 100:
        return f"below {high:g} Hz"
    return f"{low / 1000:g} to {high / 1000:g} kHz"


def gain(decibels: float, unit: str = " dB") -> str:
    """A gain; 'nothing there' where there was nothing.

    >>> gain(-3.14), gain(-0.01, unit=""), gain(float("nan"))
    ('-3.1 dB', '0.0', 'nothing there')
    """
    if math.isnan(decibels):
        return "nothing there"
    return f"{decibels:+.1f}{unit}" if abs(decibels) >= 0.05 else f"0.0{unit}"


def share(part: float) -> str:
    """Per cent, with as many digits as it takes to be more than nothing.

    >>> share(0.374), share(0.0042), share(0.00001)
    ('37 %', '0.4 %', 'less than 0.1 %')
    """
    if part < 0.0005:
        return "less than 0.1 %"
    return f"{100 * part:.0f} %" if part >= 0.0995 else f"{100 * part:.1f} %"


def moment(seconds: float) -> str:
    """A place in a recording.

    >>> moment(3.25), moment(3723.5)
    ('0:03.2', '1:02:03.5')
    """
    tenths = int(seconds * 10)
    minutes, tenths = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    head = f"{hours}:{minutes:02d}" if hours else f"{minutes}"
    return f"{head}:{tenths // 10:02d}.{tenths % 10}"


def length(seconds: float) -> str:
    """How long a recording is.

    >>> length(0.0125), length(12.34), length(754.0)
    ('0.01 s', '12.3 s', '12 min 34 s')
    """
    if seconds < 60:
        return f"{seconds:.2f} s" if seconds < 1 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"
