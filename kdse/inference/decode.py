"""Stage 8: which sets of which runs are decoded, by which recogniser."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kdse.approaches.registry import NO_FRONT_END
from kdse.core.errors import UserError
from kdse.core.files import read_yaml
from kdse.core.progress import say
from kdse.core.step import Step, done_config, done_hash
from kdse.inference.set_decoder import SetDecoder
from kdse.recognisers.base import Options
from kdse.recognisers.registry import ESPNET, read_recogniser
from kdse.recognisers.whisper import SHORT_WINDOWS, WhisperOptions
from kdse.runs.backends import is_whisper, kind_name, kind_of
from kdse.runs.record import all_decoded, check_omegas, decoded, has_own_recogniser, write_run
from kdse.runs.selection import allowed_sets
from kdse.tokens.codebook import check_origin


def decode_runs(
    runs: Sequence[Path],
    *,
    config: Path | None,
    backend: Path | None,
    tokens: Path | None,
    corpus: str | None,
    dump: Path,
    sets: Sequence[str],
    omegas: Sequence[float] = (0.0,),
    selected: str | None = None,
) -> None:
    """Decode sets of runs, skipping those that are done.

    Args:
        runs: experiment folders; one whose name begins with `NO_FRONT_END` has no front end and is made.
        config: YAML that chooses the recogniser; None for ESPnet's with its defaults.
        backend, tokens: folders of stages 3 and 5, for an ESPnet recogniser.
        corpus: in the run.yaml of a run without a front end.
        dump: folder of the fixed sets, and `sets` their names.
        omegas: shares of the noisy signal that are mixed in, one result for each.
        selected: file with the runs whose test sets may be decoded; None for all.

    Raises: UserError where something that is needed is not finished.
    """
    recogniser, options = read_recogniser(config)
    omegas = check_omegas(list(omegas))
    if recogniser == ESPNET:
        shared = backend_decoder(options, backend, tokens)
    else:
        shared = SetDecoder(config.stem, recogniser, options, state=options.state() | {"recogniser": recogniser})
    for run in runs:
        bare = run.name.startswith(NO_FRONT_END)
        decoder = own_decoder(run, options) if recogniser == ESPNET and has_own_recogniser(run) else shared
        worked = False
        for name in allowed_sets(run.name, sets, selected):
            audio = dump / name if bare else run / "enhanced" / name
            if done_hash(audio) is None:
                raise UserError(f"{audio} is not finished; run stage {2 if bare else 7} first")
            worked |= decode_set(run, decoder, audio, dump / name, (0.0,) if bare else omegas)
        if bare:
            _write_bare_run(run, corpus, options, worked, decoder.name)


def backend_decoder(options: Options, backend: Path | None, tokens: Path | None) -> SetDecoder:
    """The backend of stage 3.

    Raises: UserError where it is not given or not finished, and for tokens of another one.
    """
    if not backend:
        raise UserError("an ESPnet recogniser is a folder of stage 3: give --backend")
    state = {"config": options.state(), "backend": done_hash(backend)}
    if state["backend"] is None:
        raise UserError(f"{backend} is not finished; run stage 3 first")
    if not kind_of(backend).has_words:
        other = "give --inference_config conf/decode/whisper.yaml, or another recogniser"
        raise UserError(f"{backend} (of kind {kind_name(backend)}) teaches latents and has no words: {other}")
    if is_whisper(backend):  # it has a search of its own, and acoustic tokens only as a teacher
        whisper = WhisperOptions(model=str(backend), **SHORT_WINDOWS)
        return SetDecoder(backend.name, "whisper", whisper, state=state | {"config": whisper.state()})
    if tokens:
        state["tokens"] = done_hash(tokens)
        if state["tokens"] is None:
            raise UserError(f"{tokens} is not finished; run stage 5 first")
        check_origin(tokens, backend)
    return SetDecoder(backend.name, ESPNET, options, state=state, backend=backend, tokens=tokens)


def own_decoder(run: Path, options: Options) -> SetDecoder:
    """The recogniser that a run trained together with its front end."""
    state = {"config": options.state(), "backend": done_hash(run)}
    return SetDecoder(run.name, ESPNET, options, state=state, backend=run / "asr")


def decode_set(run: Path, decoder: SetDecoder, audio: Path, data: Path, omegas: Sequence[float]) -> bool:
    """Decode one set of a run for each omega that is not done; whether any was decoded.

    Args:
        audio: folder with the wav.scp that is decoded.
        data: the fixed set, with the noisy and the clean signals.
    """
    state = {"audio": done_hash(audio), **decoder.state}
    folders = {omega: decoded(run, decoder.name, data.name, omega) for omega in omegas}
    remove_outdated(set(all_decoded(run, decoder.name, data.name)) - set(folders.values()), state)
    worked = False
    for omega, out in folders.items():
        mixed = {"omega": omega, "noisy": done_hash(data)} if omega else {}
        step = Step(out, state | mixed, f"{run.name}: decode {out.name}")
        if step.needed():
            decoder.write(audio, out, step.what, data, omega)
            step.finish()
            worked = True
    return worked


def remove_outdated(folders: set[Path], state: dict[str, Any]) -> None:
    """Remove results of other omegas that are not of this audio and this recogniser: nobody asks for them anew."""
    for folder in folders:
        before = done_config(folder) or {}
        if any(before.get(key) != value for key, value in state.items()):
            say(f"{folder} is removed: it was decoded from other audio, or by another recogniser")
            shutil.rmtree(folder)


def _write_bare_run(run: Path, corpus: str | None, options: Options, worked: bool, backend: str) -> None:
    """Write the run.yaml of a run without a front end, which no training wrote.

    The first recogniser stands in it. What an earlier commit decoded keeps its run.yaml where nothing was decoded anew.
    """
    path = run / "run.yaml"
    if not path.exists() or (worked and read_yaml(path).get("backend") == backend):
        about = {"corpus": corpus, "approach": NO_FRONT_END, "seed": 0, "backend": backend, "params": 0}
        write_run(run, {"decode": options.state()}, **about)
