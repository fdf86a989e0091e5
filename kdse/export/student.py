"""`kdse export`, stage 11: a trained front end as ONNX files that kdse and sherpa-onnx run."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from kdse.core.atomic import atomic_dir
from kdse.core.errors import UserError
from kdse.core.progress import say
from kdse.core.provenance import commit
from kdse.core.step import Step, done_hash
from kdse.data.audio import FULL_SCALE, RATE, read_audio
from kdse.data.datadir import read_table
from kdse.export.networks import ENHANCED, SPECTRUM, frame_graph
from kdse.plugin.load import load_front_end
from kdse.plugin.separators import MaskSeparator
from kdse.runs.record import read_run
from kdse.runtime.model import STATES, WINDOWS, Model, shape_text
from kdse.runtime.output_stage import OutputStage
from kdse.runtime.packaged import EXPORTED
from kdse.runtime.stream import FrameEnhancer

LARGEST = 1e-4
"""Samples of the ONNX file may differ from torch's by this; full scale is 1."""
SECONDS = 60
"""Of audio that both enhance."""
INT8 = EXPORTED.with_name("model.int8.onnx").name


def export_run(run: Path, output: OutputStage, check: Path | None = None) -> None:
    """Write `run`/export/model.onnx and model.int8.onnx, unless that is done.

    Args:
        run: experiment folder of a finished training.
        output: floor, exponent and mix that the files state as their defaults.
        check: a set of stage 2 whose noisy speech both networks enhance; None for noise.

    Raises: UserError where the run is not finished or cannot be exported, or where the file's output is not torch's.
    """
    trained = done_hash(run)
    if not trained or not (run / "enh" / "config.yaml").is_file():
        raise UserError(f"{run} holds no finished front end; run stages 4 and 6 first")
    folder = run / EXPORTED.parent
    options = {name: str(value) for name, value in vars(output).items()}
    step = Step(folder, {"model": trained, "output": options}, f"export {run.name}", replaces=True)
    if not step.needed():
        return
    student = Student.of(run)
    audio = noisy_speech(check) if check else 0.1 * np.random.default_rng(0).standard_normal(SECONDS * RATE).astype(np.float32)
    with atomic_dir(folder) as part:
        for name in (EXPORTED.name, INT8):
            data = student.onnx(output, int8=name == INT8)
            largest, snr = student.difference(Model(data, part / name), audio)
            if name != INT8 and largest > LARGEST:
                raise UserError(f"{run}: samples of the ONNX file differ from torch's by {largest:.1e}, more than {LARGEST:g}")
            (part / name).write_bytes(data)
            what = f"{len(audio) / RATE:.0f} s of {'noisy speech' if check else 'noise'}"
            say(f"{folder / name}: {len(data) / 1000:.0f} kB; in {what} at most {largest:.1e} from torch, SNR {snr:.0f} dB")
    step.finish()


@dataclass
class Student:
    """A trained network with what its file must state.

    Attributes:
        net: in eval mode.
        stft: ESPnet's `encoder_conf`.
        record: the run's run.yaml.
    """

    net: torch.nn.Module
    stft: Mapping[str, Any]
    record: Mapping[str, Any]

    @classmethod
    def of(cls, run: Path) -> "Student":
        """The front end of a run.

        Raises: UserError where it is not a network that masks frames of an STFT.
        """
        model, args = load_front_end(run)
        if not isinstance(model.separator, MaskSeparator) or args.encoder != "stft" or model.normalize_variance:
            why = (
                "normalises the level of the whole utterance" if model.normalize_variance else f"has the separator {args.separator}"
            )
            raise UserError(f"{run} cannot be exported for single frames, because it {why}")
        stft = args.encoder_conf
        usual = {"center": True, "normalized": False, "onesided": True}
        if stft.get("window", "hann") not in WINDOWS or any(stft.get(name, value) != value for name, value in usual.items()):
            raise UserError(
                f"{run}: only a plain STFT with a Hann window, centred and one-sided, can be exported, not {dict(stft)}"
            )
        return cls(model.separator.net.eval(), stft, read_run(run))

    @property
    def n_fft(self) -> int:
        return self.stft["n_fft"]

    def onnx(self, output: OutputStage, int8: bool = False) -> bytes:
        """The ONNX file.

        Raises: UserError for a network that cannot be exported.
        """
        graph = frame_graph(self.net, self.n_fft // 2 + 1, int8)
        spectrum = (1, self.n_fft // 2 + 1, 1, 2)
        states = {name: graph.states[name] for name in STATES}
        after = {f"{name}_out": shape for name, shape in states.items()}
        metadata = self.metadata(output) | {f"{name}_shape": shape_text(shape) for name, shape in states.items()}
        metadata["weights"] = "int8" if int8 else "float32"
        return graph.model({SPECTRUM: spectrum, **states}, {ENHANCED: spectrum, **after}, metadata).SerializeToString()

    def metadata(self, output: OutputStage) -> dict[str, str]:
        """What sherpa-onnx reads, the output stage, and where the model comes from."""
        stft = {
            "model_type": "gtcrn",
            "version": 1,
            "sample_rate": RATE,
            "n_fft": self.n_fft,
            "hop_length": self.stft["hop_length"],
            "window_length": self.stft.get("win_length") or self.n_fft,
            "window_type": self.stft.get("window", "hann"),
        }
        origin = {
            "name": self.record["run"],
            "network": type(self.net).__name__,
            "parameters": sum(p.numel() for p in self.net.parameters()),
            **{name: self.record[name] for name in ("approach", "corpus", "teacher", "seed")},
            "trained_at_commit": self.record.get("commit"),
            "exported_at_commit": commit(),
        }
        texts = {**stft, **vars(output), **origin}
        return {
            name: f"{value:g}" if isinstance(value, float) else str(value) for name, value in texts.items() if value is not None
        }

    def difference(self, model: Model, noisy: np.ndarray) -> tuple[float, float]:
        """How far the file's output is from torch's, both without floor, exponent and mix, on (N,): the largest difference of a
        sample, and torch's power over that of the differences in dB. The last window, where ESPnet divides by its rim, is left out.
        """
        window = torch.from_numpy(model.window)
        with torch.inference_mode():
            spectrum = torch.stft(torch.from_numpy(noisy), self.n_fft, model.hop, window=window, return_complex=True).T[None]
            masked = (spectrum * self.net(spectrum))[0].T
            wanted = torch.istft(masked, self.n_fft, model.hop, window=window, length=len(noisy)).numpy()
        stream = FrameEnhancer(model, OutputStage())
        got = np.concatenate([stream.push(noisy), stream.flush()])
        difference = (got - wanted)[: -self.n_fft].astype(np.float64)
        snr = 10 * np.log10(np.sum(wanted.astype(np.float64) ** 2) / max(np.sum(difference**2), 1e-30))
        return float(np.abs(difference).max()), float(snr)


def noisy_speech(data: Path) -> np.ndarray:
    """The first minute of a set's noisy speech, float32 (N,)."""
    waves, length = [], 0
    for utt, source in sorted(read_table(data / "wav.scp").items()):
        waves.append(read_audio(source, utt))
        length += len(waves[-1])
        if length >= SECONDS * RATE:
            break
    return (np.concatenate(waves)[: SECONDS * RATE] / FULL_SCALE).astype(np.float32)
