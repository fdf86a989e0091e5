"""Stage 3 with conf/asr/ssl_encoder.yaml: a self-supervised network's weights as a backend that teaches, frozen as they are."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kdse.core.atomic import atomic_dir
from kdse.core.config import override, read_config
from kdse.core.errors import UserError
from kdse.core.files import dump_yaml, sha256, write_text
from kdse.core.progress import say
from kdse.core.step import Step
from kdse.runs.backends import KINDS, SSL
from kdse.runs.record import write_run
from kdse.training.adopt import check_out


@dataclass(frozen=True)
class SSLOptions:
    """What its YAML says beside `recogniser: ssl`.

    Attributes:
        model, model_conf: of `kdse.plugin.ssl.build`.
        weights: path of the state dict, as torchaudio publishes it.
    """

    model: str = "hubert_base"
    model_conf: dict[str, Any] = field(default_factory=dict)
    weights: str = ""


def adopt_ssl(config: Path, out: Path, corpus: str) -> None:
    """Write the network's weights and a config.yaml to `out` and mark the backend as finished, or skip.

    Raises: UserError where the weights are not given, not there, or not those of the model.
    """
    values = {name: value for name, value in read_config(config).items() if name != "recogniser" and value is not None}
    options = override(SSLOptions, values, str(config))
    weights = Path(options.weights)
    if not weights.is_file():
        problem = f"{weights} is no file" if options.weights else "no weights are given"
        raise UserError(f"{config}: {problem}; write 'weights: PATH' of a state dict of torchaudio's into the backend's YAML")
    check_out(weights, out)
    about = {"recogniser": SSL, "model": options.model, "model_conf": options.model_conf}
    step = Step(out, {"adopted": about | {"sha256": sha256(weights)}}, f"adopt {out.name}")
    if not step.needed():
        return
    import torch  # and ESPnet: not for a step that is skipped

    from kdse.plugin.ssl import build, load_weights

    network = build(options.model, options.model_conf)
    load_weights(network, weights)
    params = sum(parameter.numel() for parameter in network.parameters())
    with atomic_dir(out) as part:
        torch.save(network.state_dict(), part / KINDS[SSL].file)
        write_text(part / "config.yaml", dump_yaml(about))
    record = about | {"sha256": sha256(weights)}
    write_run(out, record, corpus=corpus, approach="mct_noisy", seed=0, backend=out.name, params=params)
    step.finish()
    say(f"{out.name}: {options.model}, {params:,} parameters, frozen")
