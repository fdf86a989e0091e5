"""Recognisers for `kdse transcribe`: Whisper, a trained ESPnet model, or what a YAML of conf/decode chooses.

A light install has none of them, so that each is imported when it is loaded.
"""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kdse.apply.meters import SILENCE
from kdse.core.errors import UserError

if TYPE_CHECKING:
    from kdse.recognisers.base import Recogniser

WHISPER = "whisper"
TOKENS_PER_SECOND = 15.0
"""The most that Whisper may write, as in conf/decode/whisper.yaml, which an installed kdse does not have."""
BEAM = 5
"""Of a transducer, as in conf/decode/transducer.yaml."""


def load_recogniser(asr_model: str = WHISPER, language: str | None = None, config: Path | None = None) -> "Recogniser":
    """Load a recogniser.

    Args:
        asr_model: 'whisper' for Whisper base, the folder of another Whisper model in CTranslate2's format, or a trained ESPnet
            model in any form that `kdse adopt` takes.
        language: of the speech, for Whisper; None for its default, English.
        config: YAML that chooses the recogniser or, with an ESPnet model, the search; None for what fits the model.

    Raises: UserError where there is no such model, or its packages or weights are missing.
    """
    if asr_model == WHISPER and config is None:
        return _whisper("", language)
    if (Path(asr_model) / "model.bin").is_file():
        if config is not None:
            raise UserError(f"--config goes with ESPnet's models; {asr_model} is one of Whisper, for which a config says 'model:'")
        return _whisper(asr_model, language)
    if language is not None:
        raise UserError("--language goes with Whisper; another recogniser knows its own")
    return _configured(config) if asr_model == WHISPER else _espnet(Path(asr_model), config)


def words_of(recogniser: "Recogniser", waves: list[np.ndarray]) -> list[str]:
    """The words of each wave, (N,) float32 at 16 kHz; '' for silence, in which some recognisers hear words."""
    loud = [index for index, wave in enumerate(waves) if np.mean(np.square(wave, dtype=np.float64)) >= SILENCE]
    heard = recogniser.transcribe([np.clip(waves[index], -1, 1) for index in loud])
    words = dict(zip(loud, (hypothesis.words.strip() for hypothesis in heard), strict=True))
    return [words.get(index, "") for index in range(len(waves))]


def _whisper(model: str, language: str | None) -> "Recogniser":
    from kdse.recognisers.whisper import Whisper, WhisperOptions

    options = WhisperOptions(model=model, language=language or WhisperOptions.language, tokens_per_second=TOKENS_PER_SECOND)
    options.check("--language")
    return Whisper(options)


def _configured(config: Path) -> "Recogniser":
    """The recogniser that a YAML chooses, unless it takes a backend."""
    from kdse.recognisers.registry import find, read_recogniser

    name, options = read_recogniser(config)
    kind = find(name)
    if kind.needs_backend:
        raise UserError(f"{config} searches with an ESPnet model; give --asr_model, too")
    return kind(options)


def _espnet(model: Path, config: Path | None) -> "Recogniser":
    from kdse.recognisers.espnet import Espnet, EspnetOptions
    from kdse.recognisers.registry import read_recogniser
    from kdse.training.adopt import write_backend
    from kdse.training.model_files import find_model

    files = find_model(model)
    try:
        with tempfile.TemporaryDirectory(prefix="kdse-model-") as folder:
            written = write_backend(files, Path(folder))
            options = read_recogniser(config)[1] if config else EspnetOptions(**search_for(written))
            if not isinstance(options, EspnetOptions):
                raise UserError(f"{config} chooses a recogniser of its own; leave --asr_model out, or give the YAML of a search")
            try:
                return Espnet(options, Path(folder))
            except UserError as e:
                raise UserError(str(e).replace(f"the backend {folder}", str(model)).replace(folder, str(model))) from e
    finally:
        files.close()


def search_for(config: dict[str, Any]) -> dict[str, Any]:
    """Options of the search that suits an ESPnet model with this config.

    >>> search_for({"decoder": "transformer", "model_conf": {"ctc_weight": 0.3}})
    {'decode': 'attention'}
    """
    weight = (config.get("model_conf") or {}).get("ctc_weight", 0.5)  # ESPnet's default
    decoder = config.get("decoder")
    if decoder == "transducer":
        return {"decode": "transducer", "beam_size": BEAM}
    if decoder is None or weight == 1:
        return {"decode": "ctc_greedy"}
    return {"decode": "attention"} | ({} if weight else {"ctc_weight": 0.0})
