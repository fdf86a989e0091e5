"""Audio in and out: everything is 16 kHz mono int16; whatever is not is refused with one sentence."""

import io
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from kdse.core.errors import UserError
from kdse.data.truncation import truncation

RATE = 16000
"""Samples per second of every signal in kdse."""
AUDIO_SUFFIXES = (".flac", ".wav", ".sph", ".ogg", ".mp3", ".aiff")
FULL_SCALE = 32768.0
"""What int16 samples are divided by to lie in ±1."""
_ARK = re.compile(r"(?P<ark>.+):(?P<offset>\d{1,18})")  # more digits fit into no file offset


def read_audio(source: Path | str, utt: str = "", pipes: bool = False, raw: str | None = None) -> np.ndarray:
    """Read one recording.

    Args:
        source: a value of `wav.scp`: a file (FLAC, WAV, SPHERE, …), `file.ark:offset`, or `command |`.
        utt: named in errors where given.
        pipes: whether a `command |` may run. It runs in a shell, so only data that one trusts should be given this.
        raw: the sample type of a file without a header, '<i2' or '>i2' at 16 kHz.
    Returns: int16 (N,), N > 0, native byte order, full scale ±32768.
    Raises: UserError naming the file (and the utterance) where it is missing, truncated, not audio, not 16 kHz, not mono, empty,
        or holds NaN or infinite samples.
    """
    source = str(source).strip()
    name = f"{source} (utterance {utt})" if utt else source
    if source.endswith(".raw") and not raw:
        raise UserError(f"{name} has no header; convert it first (sox -t raw -r 16000 -e signed -b 16 IN OUT)")
    ark = _ARK.fullmatch(source)
    try:
        if source.endswith("|"):
            return _decode(io.BytesIO(_run(source, name, pipes)), name)
        if raw:
            return _raw(Path(source).read_bytes(), raw, name)
        with open(ark["ark"] if ark else source, "rb") as f:
            return _decode(_ark_entry(f, int(ark["offset"]), name) if ark else f, name)
    except OSError as e:
        raise UserError(f"cannot read {name}: {e.strerror or e}") from e
    except ValueError as e:  # a zero byte in the path, a SPHERE header without a length
        raise UserError(f"cannot read {name!r}: {e}") from e


def check_samples(x: np.ndarray, name: str) -> None:
    """Raise UserError where float samples are NaN or infinite, naming the first."""
    bad = np.flatnonzero(~np.isfinite(x))
    if len(bad):
        raise UserError(f"{name} holds {len(bad)} NaN or infinite samples, the first at sample {bad[0]}")


def to_int16(x: np.ndarray) -> np.ndarray:
    """Quantise float samples in ±1 to int16, rounding to nearest; beyond full scale they saturate."""
    return np.clip(np.rint(x * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)


def guess_byte_order(data: bytes) -> str:
    """Tell the sample type of headerless 16-bit speech, '<i2' or '>i2'.

    Speech at 16 kHz changes little from sample to sample; read in the wrong order its low bytes become the high ones and it
    looks like white noise. The order whose differences carry less of the energy is the right one.

    >>> guess_byte_order(np.array([100, 120, 130, 125, 90], ">i2").tobytes())
    '>i2'
    """

    def roughness(kind: str) -> float:
        x = np.frombuffer(data[: len(data) // 2 * 2], kind).astype(np.float64)
        x -= x.mean() if len(x) else 0.0
        return float(np.sum(np.diff(x) ** 2) / max(np.sum(x**2), 1.0))

    return min("<i2", ">i2", key=roughness)


class ArkWriter:
    """Write int16 signals as WAV into one Kaldi archive.

    Args:
        path: the archive to write.
        final: where it will stand when the folder around it is complete (`atomic_dir`); entries name this path.

    >>> with ArkWriter(part / "wav.ark", folder / "wav.ark") as ark:       # doctest: +SKIP
    ...     entries["utt1"] = ark.add("utt1", samples)
    """

    def __init__(self, path: Path | str, final: Path | str | None = None):
        self.path, self.final = Path(path), Path(final or path)

    def __enter__(self) -> "ArkWriter":
        self.file = open(self.path, "wb")
        return self

    def __exit__(self, *_error) -> None:
        self.file.close()

    def add(self, utt: str, samples: np.ndarray) -> str:
        """Append int16 (N,); return the value for `wav.scp`, `file.ark:offset`."""
        import kaldiio

        assert samples.dtype == np.int16 and samples.ndim == 1, f"{utt}: {samples.dtype} {samples.shape}"
        offset = self.file.tell() + len(f"{utt} ".encode())
        kaldiio.save_ark(self.file, {utt: (RATE, samples)})
        return f"{self.final}:{offset}"


def write_ark(path: Path | str, items: Iterable[tuple[str, np.ndarray]], final: Path | str | None = None) -> dict[str, str]:
    """Write (id, int16 (N,)) pairs into one archive; return {id: 'file.ark:offset'}."""
    with ArkWriter(path, final) as ark:
        return {utt: ark.add(utt, samples) for utt, samples in items}


def _decode(file: io.BufferedIOBase, name: str) -> np.ndarray:
    import soundfile

    truncated = truncation(file, name)
    try:
        with soundfile.SoundFile(file) as audio:
            if audio.samplerate != RATE:
                raise UserError(f"{name} is sampled at {audio.samplerate} Hz, not {RATE} Hz; resample it (sox IN -r {RATE} OUT)")
            if audio.channels != 1:
                raise UserError(f"{name} has {audio.channels} channels, not one; choose a channel first (sox IN OUT remix 1)")
            is_float = audio.subtype in ("FLOAT", "DOUBLE")
            samples = audio.read(dtype="float64" if is_float else "int16")
            if len(samples) < audio.frames:
                truncated = truncated or f"it ends {audio.frames - len(samples)} samples before the length its header states"
    except soundfile.SoundFileError as e:
        reason = str(getattr(e, "error_string", e)).strip(" .")
        raise UserError(f"{name} is damaged, truncated or no audio file: {reason}") from e
    if truncated:
        raise UserError(f"{name} is truncated: {truncated}")
    if is_float:
        check_samples(samples, name)
        samples = to_int16(samples)
    return _not_empty(samples, name)


def _raw(data: bytes, kind: str, name: str) -> np.ndarray:
    if len(data) % 2:
        raise UserError(f"{name} is truncated: {len(data)} bytes are no whole number of 16-bit samples")
    return _not_empty(np.frombuffer(data, kind).astype(np.int16), name)


def _not_empty(samples: np.ndarray, name: str) -> np.ndarray:
    if not len(samples):
        raise UserError(f"{name} holds no samples")
    return samples


def _run(source: str, name: str, pipes: bool) -> bytes:
    if not pipes:
        raise UserError(f"{name} is a command; commands in wav.scp run only with --pipes")
    done = subprocess.run(source.rstrip("|"), shell=True, capture_output=True)
    if done.returncode:
        last = (done.stderr.decode(errors="replace").strip().splitlines() or ["no message"])[-1]
        raise UserError(f"{name} failed with exit code {done.returncode}: {last}")
    return done.stdout


def _ark_entry(file: io.BufferedIOBase, offset: int, name: str) -> io.BytesIO:
    """The bytes of one WAV entry of an archive; what follows it belongs to other utterances."""
    file.seek(offset)
    head = file.read(8)
    if head[:4] != b"RIFF":
        raise UserError(f"{name} is no WAV entry of a Kaldi archive; was the archive written anew without its scp?")
    return io.BytesIO(head + file.read(int.from_bytes(head[4:], "little")))
