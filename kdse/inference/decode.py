"""Stage 8, `kdse decode`: what a recogniser hears in original or enhanced sets: words, and acoustic tokens where it has them."""

import argparse
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from kdse.core.errors import UserError
from kdse.core.files import atomic_dir, locked, read_yaml
from kdse.core.progress import progress, say
from kdse.core.step import Step, done_config, done_hash
from kdse.inference.device import add_device, use_device
from kdse.recognisers import HOME, Hypothesis, Options, Recogniser, batches, find, read_recogniser
from kdse.runs.record import OMEGAS, all_decoded, check_omegas, decoded, has_own_recogniser, write_run
from kdse.runs.selection import allowed_sets
from kdse.tokens.codebook import check_origin, read_tokens, write_tokens

NO_FRONT_END = "mct_noisy"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `kdse decode`."""
    parser.add_argument(
        "--run",
        type=Path,
        nargs="+",
        required=True,
        help=f"experiment folders; one named {NO_FRONT_END}... has no front end and is made",
    )
    parser.add_argument("--backend", type=Path, help="folder of stage 3, which an ESPnet recogniser needs")
    parser.add_argument("--tokens", type=Path, help="folder of stage 5: also say which share of the frames changes its token")
    parser.add_argument("--corpus", help="corpus name of the rows of a run without a front end")
    parser.add_argument("--dump", type=Path, default=Path("dump"), help="what stage 2 wrote (default: dump)")
    parser.add_argument("--config", type=Path, help="YAML that chooses the recogniser and its options (default: greedy CTC)")
    parser.add_argument("--sets", nargs="+", required=True, metavar="SET", help="fixed sets in the dump folder")
    parser.add_argument("--omegas", nargs="+", type=float, default=[0.0], metavar="SHARE", help=OMEGAS)
    parser.add_argument("--selected", metavar="FILE", help="decode test sets only for the runs it names (selected.yaml)")
    add_device(parser)


def run(args: argparse.Namespace) -> None:
    """Decode the sets, skipping those that are done."""
    recogniser, options = read_recogniser(args.config)
    omegas = check_omegas(args.omegas)
    use_device(args.ngpu)
    if recogniser == HOME:
        shared, others = _at_home(args, options)
    else:
        shared, others = Listener(args.config.stem, recogniser, options), options.state() | {"recogniser": recogniser}
    for folder in args.run:
        bare, worked = folder.name.startswith(NO_FRONT_END), False
        own = recogniser == HOME and has_own_recogniser(folder)  # it was trained with its front end
        listener = Listener(folder.name, HOME, options, folder / "asr") if own else shared
        for name in allowed_sets(folder.name, args.sets, args.selected):
            source = args.dump / name if bare else folder / "enhanced" / name
            state = done_hash(source)
            if state is None:
                raise UserError(f"{source} is not finished; run stage {2 if bare else 7} first")
            state = {"audio": state} | ({"config": options.state(), "backend": done_hash(folder)} if own else others)
            asked = {omega: decoded(folder, listener.name, name, omega) for omega in ((0.0,) if bare else omegas)}
            for old in set(all_decoded(folder, listener.name, name)) - set(asked.values()):
                before = done_config(old) or {}
                if any(before.get(key) != value for key, value in state.items()):
                    say(f"{old} is removed: it was decoded from other audio, or by another recogniser")
                    shutil.rmtree(old)
            for omega, out in asked.items():
                mixed = {"omega": omega, "noisy": done_hash(args.dump / name)} if omega else {}
                step = Step(out, state | mixed, f"{folder.name}: decode {out.name}")
                if step.needed():
                    listener.decode_set(source, out, step.what, args.dump / name, omega)
                    step.finish()
                    worked = True
        if bare:
            _write_bare_run(folder, args, options, worked, listener.name)


def _at_home(args: argparse.Namespace, options: Options) -> tuple["Listener", dict]:
    """The backend of stage 3, and what it hears depends on."""
    if not args.backend:
        raise UserError("an ESPnet recogniser is a folder of stage 3: give --backend")
    backend, tokens = done_hash(args.backend), done_hash(args.tokens) if args.tokens else None
    if backend is None:
        raise UserError(f"{args.backend} is not finished; run stage 3 first")
    if args.tokens and tokens is None:
        raise UserError(f"{args.tokens} is not finished; run stage 5 first")
    if args.tokens:
        check_origin(args.tokens, args.backend)
    state = {"config": options.state(), "backend": backend} | ({"tokens": tokens} if tokens else {})
    return Listener(args.backend.name, HOME, options, args.backend, args.tokens), state


def _write_bare_run(folder: Path, args: argparse.Namespace, options: Options, worked: bool, listener: str) -> None:
    """The run.yaml of a run without a front end, which no training wrote. The recogniser that was there first stands in it; what an
    earlier commit made keeps its name where nothing was made anew."""
    path = folder / "run.yaml"
    if not path.exists() or (worked and read_yaml(path).get("backend") == listener):
        about = {"corpus": args.corpus, "approach": NO_FRONT_END, "seed": 0, "backend": listener, "params": 0}
        write_run(folder, {"decode": options.state()}, **about)


class Listener:
    """A recogniser at work on sets; it is loaded when the first is asked for.

    Args:
        name: of what listens, in score rows and folders.
        recogniser: its name in the registry.
        backend, tokens: folders of stages 3 and 5, for a recogniser that needs them.
    """

    def __init__(self, name: str, recogniser: str, options: Options, backend: Path | None = None, tokens: Path | None = None):
        self.name, self.recogniser, self.options, self.backend, self.folder = name, recogniser, options, backend, tokens
        self.clean: dict[Path, dict[str, np.ndarray]] = {}
        self._loaded: Recogniser | None = None

    def load(self) -> Recogniser:
        """The recogniser; loaded once."""
        if self._loaded is None:
            made = find(self.recogniser)
            self._loaded = made(self.options, self.backend, self.folder) if made.needs_backend else made(self.options)
        return self._loaded

    def decode_set(self, source: Path, out: Path, what: str, data: Path, omega: float = 0.0) -> None:
        """Recognise `source`/wav.scp; write `out`/{text,decode.yaml}, which appear when they are complete.

        With a tokenizer also `out`/tokens, the acoustic tokens of every frame, and `out`/token_error_rate, the share of frames
        whose token differs from that of the clean signal in `data`/spk1.scp, where there is one. With `omega`, that share of the
        noisy signal in `data`/wav.scp is added to the rest of the enhanced one.
        """
        import yaml

        recogniser = self.load()
        heard = self.hear(source / "wav.scp", what, data / "wav.scp" if omega else None, omega)
        if self.folder and data not in self.clean:  # said and read once, not for every run and share
            self.clean[data] = self.clean_tokens(data) if (data / "spk1.scp").exists() else {}
        clean = self.clean.get(data, {})
        about = {"decode": recogniser.decode, "backend": self.name, "omega": omega}
        if self.recogniser != HOME:
            about |= {"recogniser": self.recogniser, "options": self.options.state()}
        with atomic_dir(out) as part:
            lines = (f"{utt} {' '.join(h.words.split())}\n" for utt, h in heard.items())
            (part / "text").write_text("".join(lines), encoding="utf-8")
            (part / "decode.yaml").write_text(yaml.safe_dump(about), encoding="utf-8")
            if self.folder:
                write_tokens(part / "tokens", {utt: h.tokens for utt, h in heard.items()})
                rates = {utt: float(np.mean(heard[utt].tokens != clean[utt])) for utt in heard if utt in clean}
                if rates:
                    (part / "token_error_rate").write_text("".join(f"{utt} {rate:.4f}\n" for utt, rate in rates.items()))

    def clean_tokens(self, data: Path) -> dict[str, np.ndarray]:
        """The acoustic tokens of a set's clean signals, computed once: they stay in the folder of the tokenizer."""
        out, what = self.folder / f"clean_{data.name}", f"tokens of clean {data.name}"
        step = Step(out, {"tokens": done_hash(self.folder), "set": done_hash(data)}, what)
        with locked(self.folder):  # jobs of --inference_nj come here at once
            if step.needed():
                found = self.hear(data / "spk1.scp", what)
                with atomic_dir(out) as part:
                    write_tokens(part / "tokens", {utt: h.tokens for utt, h in found.items()})
                step.finish()
            return read_tokens(out / "tokens")

    def hear(self, scp: Path, what: str, other: Path | None = None, share: float = 0.0) -> dict[str, Hypothesis]:
        """What is heard in every file of a wav.scp, in the order of their names; in (1 - share) of it + share of the `other`.

        Audio is read twice, first for its length and then batch by batch, so that a set need not fit into memory.
        """
        from kdse.data.audio import FULL_SCALE, read_audio
        from kdse.data.datadir import read_table

        paths, noisy = read_table(scp), read_table(other) if other else {}
        if not paths:
            raise UserError(f"{scp} names no utterance")

        def wave(utt: str) -> np.ndarray:
            samples = read_audio(paths[utt], utt)
            if other:
                found = read_audio(noisy[utt], utt) if utt in noisy else ()
                if len(found) != len(samples):
                    raise UserError(f"{other}: utterance {utt} is missing, or not as long as in {scp}; run stage 7 again")
                samples = (1 - share) * samples + share * found
            return samples.astype(np.float32) / np.float32(FULL_SCALE)

        def heard() -> Iterator[tuple[str, Hypothesis]]:
            recogniser = self.load()
            lengths = {utt: len(read_audio(path, utt)) for utt, path in paths.items()}
            utts = sorted(lengths, key=lambda utt: (lengths[utt], utt))
            for batch in batches([lengths[utt] for utt in utts], self.options.batch_seconds, recogniser.equal_lengths):
                chosen = [utts[i] for i in batch]
                yield from zip(chosen, recogniser.transcribe([wave(utt) for utt in chosen]), strict=True)

        found = dict(progress(heard(), what, len(paths)))
        return {utt: found[utt] for utt in sorted(found)}
