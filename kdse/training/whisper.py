"""Stage 3 with conf/asr/whisper.yaml: Whisper's weights as a backend of the recipe, frozen as they are."""

import hashlib
from pathlib import Path

from kdse.core.atomic import atomic_dir
from kdse.core.config import override, read_config
from kdse.core.errors import UserError
from kdse.core.files import dump_yaml, write_text
from kdse.core.progress import say
from kdse.core.step import Step
from kdse.recognisers.whisper import WhisperOptions, packaged_weights
from kdse.runs.backends import WHISPER_FILES
from kdse.runs.record import write_run
from kdse.training.adopt import check_out


def adopt_whisper(config: Path, out: Path, corpus: str) -> None:
    """Write the model's files to `out` and mark the backend as finished, or skip.

    Args:
        config: YAML with `recogniser: whisper` and `model`, as conf/decode/whisper.yaml has them.
    Raises: UserError where the model or one of its files is missing.
    """
    values = {name: value for name, value in read_config(config).items() if name != "recogniser"}
    options = override(WhisperOptions, values, str(config))
    options.check(str(config))
    folder = Path(options.model)
    if options.packaged:
        files = packaged_weights(options.packaged)
    else:
        missing = [name for name in WHISPER_FILES if not (folder / name).is_file()]
        if missing:
            raise UserError(f"{folder} holds no whole Whisper model: it has no {missing[0]}")
        check_out(folder, out)
        files = {name: (folder / name).read_bytes() for name in WHISPER_FILES}
    weights = hashlib.sha256(files["model.bin"]).hexdigest()
    step = Step(out, {"adopted": {"whisper": options.model or "base", "sha256": weights}}, f"adopt {out.name}")
    if not step.needed():
        return
    from kdse.whisper.model import Whisper  # torch: not for a step that is skipped

    network = Whisper.load(files["model.bin"])
    params = sum(array.numel() for part in (network.encoder, network.decoder) for array in part.buffers())
    with atomic_dir(out) as part:
        for name, content in files.items():
            (part / name).write_bytes(content)
        write_text(part / "config.yaml", dump_yaml({"recogniser": "whisper", "model": options.model or "base"}))
    about = {"recogniser": "whisper", "sha256": weights}
    write_run(out, about, corpus=corpus, approach="mct_noisy", seed=0, backend=out.name, params=params)
    step.finish()
    say(f"{out.name}: Whisper {options.model or 'base'}, {params:,} parameters, frozen")
