"""ESPnet's own joint training (enh_s2t) with the front end of one training and the recogniser of another, to compare with."""

from pathlib import Path
from typing import Any

import soundfile

from kdse.core.files import read_yaml
from kdse.data.audio import RATE, read_audio
from kdse.data.datadir import read_table

FRONT_END = ("encoder", "separator", "decoder")
RECOGNISER = ("preencoder", "encoder", "postencoder", "decoder", "model")
INPUT = ("frontend", "specaug", "normalize", "token_list", "token_type", "ctc")
TRAINING = ("batch_type", "batch_bins", "num_workers", "num_iters_per_epoch", "seed", "grad_clip", "optim", "optim_conf")


def joint_config(front_end: dict[str, Any], backend: Path, folder: Path) -> dict[str, Any]:
    """The configuration of ESPnet's SE + ASR task.

    Its data are the fixed noisy dev set, which has noisy and clean speech and texts as that task wants them. They are written to
    `folder`.

    Args:
        front_end: the training configuration of a run with a front end.
        backend: folder of stage 3.
    """
    data = dev_set(front_end)
    write_audio(data, folder)
    recogniser = read_yaml(backend / "config.yaml")
    files = [(folder / "wav.scp", "speech", "sound"), (folder / "spk1.scp", "speech_ref1", "sound")]
    files.append((data / "text", "text_spk1", "text"))
    return {
        **_taken(front_end, FRONT_END, "enh_"),
        **_taken(recogniser, RECOGNISER, "asr_"),
        **_taken(recogniser, INPUT),
        **{name: front_end[name] for name in TRAINING if name in front_end},
        "enh_criterions": [{"name": "snr", "conf": {}, "wrapper": "fixed_order", "wrapper_conf": {}}],
        "subtask_series": ["enh", "asr"],
        "bpemodel": str(backend / "bpe.model"),
        "use_preprocessor": True,
        "text_name": ["text_spk1"],
        "train_data_path_and_name_and_type": [(str(file), name, kind) for file, name, kind in files],
        "train_shape_file": [str(folder / "shape")],
    }


def dev_set(front_end: dict[str, Any]) -> Path:
    """The fixed noisy dev set of the dump folder that a training's noise came from."""
    return Path(front_end["mix_conf"]["noise_valid"]).parents[1] / "dev_noisy"


def write_audio(data: Path, folder: Path) -> None:
    """Write the noisy and clean signals of a data dir as WAV files, with ESPnet's lists of files and lengths."""
    for name in ("wav", "spk1"):
        files, lengths = [], []
        for utt, source in read_table(data / f"{name}.scp").items():
            samples, path = read_audio(source, utt), folder / f"{name}_{utt}.wav"
            soundfile.write(path, samples, RATE)
            files.append(f"{utt} {path}\n")
            lengths.append(f"{utt} {len(samples)}\n")
        (folder / f"{name}.scp").write_text("".join(files))
        (folder / "shape").write_text("".join(lengths))


def _taken(config: dict[str, Any], names: tuple[str, ...], prefix: str = "") -> dict[str, Any]:
    """The parts `names` of a configuration and their options, under names with a prefix."""
    wanted = [f"{name}{end}" for name in names for end in ("", "_conf")]
    return {f"{prefix}{name}": config[name] for name in wanted if name in config}
