"""One ESPnet training run: logs into its folder, a line per epoch for the user, resume after a kill, a plain model at the end."""

import contextlib
import json
import logging
import re
import shutil
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml

from kdse.errors import UserError
from kdse.files import atomic_path, check_keys, fingerprint, write_text
from kdse.plugin.explain import explain
from kdse.plugin.task import DistillationTask, MixingASRTask
from kdse.progress import say, terminal
from kdse.runs import write_run
from kdse.stage import Step, changes

TASKS = {"asr": MixingASRTask, "se": DistillationTask}
# what ESPnet's reporter puts into a checkpoint beside tensors
REPORTED = [timedelta, np.dtype, np._core.multiarray.scalar, *(type(np.dtype(kind)) for kind in "?ilqfd")]
MODEL_KEYS = ("encoder", "separator", "decoder", "mask_module")


def train(kind: str, config: dict[str, Any], out: Path, step: Step, prepare: Callable[[Path], dict[str, Any]], extra: list) -> None:
    """Run ESPnet's trainer in this process, from the last finished epoch if the same run was cut before.

    Args:
        kind: "asr" or "se".
        config: ESPnet options; unknown ones are refused with the nearest known one.
        out: experiment folder.
        step: what the run depends on; a run cut under another configuration starts anew.
        prepare: writes token lists and shape files into `out` and returns the options that name them.
        extra: (mode, [path, name, type]) of further data, e.g. texts.
    """
    task = TASKS[kind]
    check_keys(config, vars(task.get_parser().parse_args([])), "training config")
    _continue_or_clear(out, step)
    config = {**config, **prepare(out), "output_dir": str(out), "resume": True}
    for mode, entry in extra:
        config[f"{mode}_data_path_and_name_and_type"].append(entry)
    write_text(out / "train.yaml", yaml.safe_dump(config, sort_keys=False))
    epochs = config.get("max_epoch", 40)
    with _logs(out / "train.log", out.name, epochs), _atomic_checkpoints():
        try:
            task.main(cmd=["--config", str(out / "train.yaml")])
        except (TypeError, ValueError, UserError) as e:
            explained = explain(e)
            if explained is None:
                raise
            raise explained from e
    say(f"{out.name}: trained, log in {out / 'train.log'}")


def write_units(text: Path, out: Path, vocab_size: int = 30, model_type: str = "bpe") -> dict[str, Any]:
    """Train a sentencepiece model on the transcripts and return ESPnet's token options.

    Args:
        text: Kaldi text file of the training set.
        vocab_size: pieces, <unk> included; fewer where the text has no more.
        model_type: "bpe", "unigram", "char", or "word" for a closed vocabulary.
    """
    import sentencepiece

    lines = [line.split(maxsplit=1)[1] for line in text.read_text(encoding="utf-8").splitlines()]
    sentencepiece.SentencePieceTrainer.Train(
        sentence_iterator=iter(lines),
        model_prefix=str(out / "bpe"),
        vocab_size=vocab_size,
        model_type=model_type,
        character_coverage=1.0,
        hard_vocab_limit=False,
        bos_id=-1,
        eos_id=-1,
        minloglevel=2,
    )
    model = sentencepiece.SentencePieceProcessor(model_file=str(out / "bpe.model"))
    pieces = [model.id_to_piece(i) for i in range(model.get_piece_size())]
    tokens = ["<blank>", "<unk>", *(p for p in pieces if p != "<unk>"), "<sos/eos>"]
    write_text(out / "tokens.txt", "".join(f"{t}\n" for t in tokens))
    return {"token_type": "bpe", "bpemodel": str(out / "bpe.model"), "token_list": str(out / "tokens.txt")}


def finish_backend(out: Path, config: dict[str, Any], corpus: str, seed: int) -> None:
    """Keep the averaged model as `out`/model.pth and write run.yaml."""
    state = _averaged(out, config)
    _keep(state, out / "model.pth")
    params = sum(value.numel() for value in state.values())
    write_run(out, config, corpus=corpus, approach="mct_noisy", seed=seed, backend=out.name, params=params)
    _clean(out)


def finish_front_end(out: Path, config: dict[str, Any], **fields: Any) -> None:
    """Write `out`/enh/{config.yaml,model.pth}, a plain ESPnet enhancement model without kdse's options, and run.yaml."""
    state = _averaged(out, config)
    prefix = "enh_model."
    assert all(key.startswith(prefix) for key in state), "a teacher entered the checkpoint"
    trained = yaml.safe_load((out / "config.yaml").read_text(encoding="utf-8"))
    kept = {
        k: v
        for k, v in trained.items()
        if k in MODEL_KEYS or k.removesuffix("_conf") in MODEL_KEYS or k in ("model_conf", "init", "version")
    }
    write_text(out / "enh" / "config.yaml", yaml.safe_dump(kept | {"criterions": []}, sort_keys=False))
    _keep({key.removeprefix(prefix): value for key, value in state.items()}, out / "enh" / "model.pth")
    from kdse.plugin.load import load_front_end

    params = sum(p.numel() for p in load_front_end(out)[0].parameters())
    write_run(out, config, params=params, **fields)
    _clean(out)


def _averaged(out: Path, config: dict[str, Any]) -> dict[str, torch.Tensor]:
    phase, name, _ = config.get("best_model_criterion", [["valid", "loss", "min"]])[0]
    return torch.load(out / f"{phase}.{name}.ave.pth", map_location="cpu", weights_only=True)


def _keep(state: dict[str, torch.Tensor], path: Path) -> None:
    with atomic_path(path) as part:
        torch.save(state, part)


def _clean(out: Path) -> None:
    """Drop per-epoch models and the optimiser's state: the run is finished, and they are ten times its size."""
    for path in [
        *out.glob("*epoch.pth"),
        *out.glob("*.ave*.pth"),
        *out.glob("*.best.pth"),
        out / "latest.pth",
        out / "checkpoint.pth",
    ]:
        path.unlink(missing_ok=True)


def _continue_or_clear(out: Path, step: Step) -> None:
    """Keep a cut run of the same configuration; remove one of another, but nothing that is no run."""
    started = out / "started.json"
    if started.exists():
        old = json.loads(started.read_text(encoding="utf-8"))
        if fingerprint(old) != fingerprint(step.config):
            say(f"{out.name}: starts anew, because {changes(old, step.config)}")
            shutil.rmtree(out)
        elif (out / "checkpoint.pth").exists():
            _complete_epoch(out)
            say(f"{out.name}: was cut before, goes on from its last finished epoch")
    elif out.exists() and any(not path.name.startswith(".part-") for path in out.iterdir()):
        raise UserError(f"{out} holds no training run but other files; remove them, or give another --out")
    out.mkdir(parents=True, exist_ok=True)
    write_text(started, json.dumps(step.config, indent=1, sort_keys=True))


def _complete_epoch(out: Path) -> None:
    """Write the last epoch's model again where a kill came between it and the checkpoint: ESPnet averages these files at the end.

    Raises: UserError where the checkpoint cannot be read.
    """
    path = out / "checkpoint.pth"
    try:
        with torch.serialization.safe_globals(REPORTED):
            states = torch.load(path, map_location="cpu", weights_only=True)
        model = out / f"{states['reporter']['epoch']}epoch.pth"
    except Exception as e:  # torch raises pickle, zip, runtime and value errors alike for a file that is not a checkpoint
        raise UserError(f"{path} is not a readable checkpoint ({type(e).__name__}); remove {out} to train it anew") from e
    if not model.exists():
        _keep(states["model"], model)


@contextlib.contextmanager
def _atomic_checkpoints():
    """Let a kill during `torch.save` leave the checkpoint of the epoch before; ESPnet writes it in place."""
    save = torch.save

    def atomic(value, file, *args, **kwargs):
        if not isinstance(file, str | Path):
            return save(value, file, *args, **kwargs)
        with atomic_path(file) as part:
            return save(value, part, *args, **kwargs)

    torch.save = atomic
    try:
        yield
    finally:
        torch.save = save


class EpochLines(logging.Handler):
    """Turns ESPnet's report of an epoch into one short line with the time left, or a bar on a terminal."""

    PATTERN = re.compile(r"(\d+)epoch results: \[train\] (.*?), \[valid\] (.*)")

    def __init__(self, name: str, epochs: int):
        super().__init__(logging.INFO)
        self.name_, self.epochs, self.bar = name, epochs, None
        self.start, self.before = time.monotonic(), None  # epochs that an earlier run had finished
        screen = terminal()
        if screen is not None:
            from tqdm import tqdm

            self.bar = tqdm(total=epochs, desc=name, unit="epoch", leave=False, file=screen, dynamic_ncols=True)

    def emit(self, record: logging.LogRecord) -> None:
        found = self.PATTERN.search(record.getMessage())
        if not found:
            return
        epoch = int(found[1])
        self.before = epoch - 1 if self.before is None else self.before
        train, valid = (dict(re.findall(r"(\w+)=([-\d.e]+)", part)) for part in found.groups()[1:])
        rate = (time.monotonic() - self.start) / (epoch - self.before)
        shown = [k for k in ("loss", "cer_ctc", "l_r", "l_e", "l_d", "token_error_rate") if k in valid]
        dev = ", ".join(f"{k} {float(valid[k]):.3g}" for k in shown)
        if self.bar is not None:
            self.bar.update(epoch - self.bar.n)
            self.bar.set_postfix_str(dev)
            return
        left = (self.epochs - epoch) * rate / 60
        loss = f"train loss {float(train['loss']):.3g}, dev {dev}"
        say(f"{self.name_}: epoch {epoch}/{self.epochs}, {loss}; {rate:.0f} s each, {left:.1f} min left")


@contextlib.contextmanager
def _logs(path: Path, name: str, epochs: int):
    """Send ESPnet's log and its prints to `path`, epoch lines to the user; restore everything afterwards."""
    root = logging.getLogger()
    lines = EpochLines(name, epochs)
    with open(path, "a", encoding="utf-8") as file:
        log = logging.StreamHandler(file)
        log.setFormatter(logging.Formatter("%(asctime)s (%(module)s:%(lineno)d) %(levelname)s: %(message)s"))
        before, level = root.handlers[:], root.level
        root.handlers[:] = [log, lines]
        root.setLevel(logging.INFO)
        try:
            with contextlib.redirect_stderr(file):
                yield
        finally:
            root.handlers[:] = before
            root.setLevel(level)
            if lines.bar is not None:
                lines.bar.close()
