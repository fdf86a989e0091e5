"""The plan of stage 3: a backend on noisy speech."""

from pathlib import Path
from typing import Any

from kdse.core.errors import UserError
from kdse.core.files import sha256
from kdse.training.plan import Request, TrainingPlan, base_state, complete, read_training_config, texts_data, texts_state
from kdse.training.subwords import take_subwords


def plan_asr(request: Request) -> TrainingPlan:
    """The training of a backend with on-the-fly mixing.

    Raises: UserError for options that cannot be, and for files that earlier stages have not made.
    """
    config = read_training_config(request.config)
    subwords = take_subwords(config)
    config = complete(config, request)
    texts = texts_state(request.data)
    state = base_state(config) | {"units": subwords, "texts": texts} | _ssl_weights(config)  # their name before `kdse_subwords`
    return TrainingPlan(
        task="asr",
        out=request.out,
        config=config,
        state=state,
        packs=request.dump / "pack",
        speech_name="speech",
        extra_data=texts_data(request.data),
        record={"corpus": request.corpus, "approach": "mct_noisy", "seed": request.seed, "backend": request.out.name},
        subwords=subwords,
        text=request.data / "train" / "text",
    )


def _ssl_weights(config: dict[str, Any]) -> dict[str, Any]:
    """The fingerprint of the self-supervised network's weights, for a backend that has one.

    Raises: UserError where they are not given, or not there.
    """
    if config.get("frontend") != "kdse_ssl":
        return {}
    weights = config.get("frontend_conf", {}).get("weights")
    if not isinstance(weights, str) or not Path(weights).is_file():
        problem = f"{weights} is no file" if weights else "no weights are given"
        raise UserError(f"frontend_conf: {problem}; write 'weights: PATH' of a state dict of torchaudio's into the backend's YAML")
    return {"weights": sha256(Path(weights))}
