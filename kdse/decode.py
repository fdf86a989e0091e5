"""Stage 8, `kdse decode`: what the recogniser hears in original or enhanced sets: words (batched greedy CTC), acoustic tokens."""

import argparse
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from kdse.config import override, read_config
from kdse.errors import UserError
from kdse.files import atomic_dir
from kdse.progress import progress, say
from kdse.runs import OMEGAS, all_decoded, check_omegas, decoded, write_run
from kdse.selected import allowed_sets
from kdse.stage import Step, done_config, done_hash
from kdse.tokens import load_tokens, read_tokens, write_tokens

NO_FRONT_END = "mct_noisy"


@dataclass(frozen=True)
class DecodeConfig:
    """conf/decode only overrides these values.

    Attributes:
        decode: "ctc_greedy", the best token of every frame.
        batch_seconds: audio that is recognised at once.
    """

    decode: str = "ctc_greedy"
    batch_seconds: float = 60.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `kdse decode`."""
    parser.add_argument(
        "--run",
        type=Path,
        nargs="+",
        required=True,
        help=f"experiment folders; one named {NO_FRONT_END}... has no front end and is made",
    )
    parser.add_argument("--backend", type=Path, required=True, help="folder of stage 3")
    parser.add_argument("--tokens", type=Path, help="folder of stage 5: also say which share of the frames changes its token")
    parser.add_argument("--corpus", help="corpus name of the rows of a run without a front end")
    parser.add_argument("--dump", type=Path, default=Path("dump"), help="what stage 2 wrote (default: dump)")
    parser.add_argument("--config", type=Path, help="YAML of DecodeConfig (default: the defaults in kdse/decode.py)")
    parser.add_argument("--sets", nargs="+", required=True, metavar="SET", help="fixed sets in the dump folder")
    parser.add_argument("--omegas", nargs="+", type=float, default=[0.0], metavar="SHARE", help=OMEGAS)
    parser.add_argument("--selected", metavar="FILE", help="decode test sets only for the runs it names (selected.yaml)")


def run(args: argparse.Namespace) -> None:
    """Decode the sets, skipping those that are done."""
    options = read_config(args.config) if args.config else {}
    override(DecodeConfig, options, str(args.config))
    config = DecodeConfig(**options)  # numbers as they are written, so that what is finished stays finished
    if config.decode != "ctc_greedy":
        raise UserError(f"{args.config}: decode is 'ctc_greedy' in this version, not '{config.decode}'")
    omegas = check_omegas(args.omegas)
    backend = done_hash(args.backend)
    if backend is None:
        raise UserError(f"{args.backend} is not finished; run stage 3 first")
    tokens = done_hash(args.tokens) if args.tokens else None
    if args.tokens and tokens is None:
        raise UserError(f"{args.tokens} is not finished; run stage 5 first")
    shared = None
    for run_folder in args.run:
        bare, worked = run_folder.name.startswith(NO_FRONT_END), False
        own = (run_folder / "asr").is_dir()  # a recogniser that was trained with its front end
        decoder = None if own else shared
        for name in allowed_sets(run_folder.name, args.sets, args.selected):
            source = args.dump / name if bare else run_folder / "enhanced" / name
            state = done_hash(source)
            if state is None:
                raise UserError(f"{source} is not finished; run stage {2 if bare else 7} first")
            state = {"config": asdict(config), "backend": done_hash(run_folder) if own else backend, "audio": state}
            state |= {"tokens": tokens} if tokens and not own else {}
            asked = {omega: decoded(run_folder, name, omega) for omega in ((0.0,) if bare else omegas)}
            for old in set(all_decoded(run_folder, name)) - set(asked.values()):
                before = done_config(old) or {}
                if any(before.get(key) != value for key, value in state.items()):
                    say(f"{old} is removed: it was decoded from other audio, or by another recogniser")
                    shutil.rmtree(old)
            for omega, out in asked.items():
                mixed = {"omega": omega, "noisy": done_hash(args.dump / name)} if omega else {}
                step = Step(out, state | mixed, f"{run_folder.name}: decode {out.name}")
                if step.needed():
                    if decoder is None:
                        decoder = (
                            Decoder(run_folder / "asr", config, name=run_folder.name)
                            if own
                            else Decoder(args.backend, config, args.tokens)
                        )
                        shared = shared if own else decoder
                    decoder.decode_set(source, out, step.what, args.dump / name, omega)
                    step.finish()
                    worked = True
        # what an earlier commit made keeps its name where nothing was made anew
        if bare and (worked or not (run_folder / "run.yaml").exists()):
            about = {"corpus": args.corpus, "approach": NO_FRONT_END, "seed": 0, "backend": args.backend.name, "params": 0}
            write_run(run_folder, {"decode": asdict(config)}, **about)


class Recognised(NamedTuple):
    """Of one utterance: its words, and the acoustic token of each frame (empty without a tokenizer)."""

    words: str
    tokens: np.ndarray


class Decoder:
    """Greedy CTC with an ESPnet backend.

    Args:
        backend: folder of stage 3.
        config: see `DecodeConfig`.
        tokens: folder of stage 5, or None.
        name: of the recogniser in score rows (default: its folder's).
    """

    def __init__(self, backend: Path, config: DecodeConfig, tokens: Path | None = None, name: str | None = None):
        import torch

        from kdse.plugin.load import load_teacher

        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.name, self.config, self.folder = name or backend.name, config, tokens
        self.clean: dict[Path, dict[str, np.ndarray]] = {}
        self.teacher = load_teacher(backend, tokens).to(self.device)
        self.book = load_tokens(tokens) if tokens else None
        self.model = self.teacher.asr
        if self.model.ctc is None:
            raise UserError(f"the backend {backend} has no CTC branch, which greedy CTC decoding needs")
        self.tokens = self.model.token_list

    def words(self, best: list[int]) -> str:
        """The text of a best path: repeats merged, blanks dropped, pieces joined."""
        merged = [t for t, before in zip(best, [None, *best], strict=False) if t != before and t != self.model.blank_id]
        return "".join(self.tokens[t] for t in merged if not self.tokens[t].startswith("<")).replace("▁", " ").strip()

    def decode_set(self, source: Path, out: Path, what: str, data: Path, omega: float = 0.0) -> None:
        """Recognise `source`/wav.scp; write `out`/{text,decode.yaml}, which appear when they are complete.

        With a tokenizer also `out`/tokens, the acoustic tokens of every frame, and `out`/token_error_rate, the share of frames
        whose token differs from that of the clean signal in `data`/spk1.scp, where there is one. With `omega`, that share of the
        noisy signal in `data`/wav.scp is added to the rest of the enhanced one.
        """
        import yaml

        heard = self.hear(source / "wav.scp", what, data / "wav.scp" if omega else None, omega)
        if self.book and data not in self.clean:  # said and read once, not for every run and share
            self.clean[data] = self.clean_tokens(data) if (data / "spk1.scp").exists() else {}
        clean = self.clean.get(data, {})
        about = {"decode": self.config.decode, "backend": self.name, "omega": omega}
        with atomic_dir(out) as part:
            (part / "text").write_text("".join(f"{utt} {h.words}\n" for utt, h in heard.items()), encoding="utf-8")
            (part / "decode.yaml").write_text(yaml.safe_dump(about), encoding="utf-8")
            if self.book:
                write_tokens(part / "tokens", {utt: h.tokens for utt, h in heard.items()})
                rates = {utt: float(np.mean(heard[utt].tokens != clean[utt])) for utt in heard if utt in clean}
                if rates:
                    (part / "token_error_rate").write_text("".join(f"{utt} {rate:.4f}\n" for utt, rate in rates.items()))

    def clean_tokens(self, data: Path) -> dict[str, np.ndarray]:
        """The acoustic tokens of a set's clean signals, computed once: they stay in the folder of the tokenizer."""
        out, what = self.folder / f"clean_{data.name}", f"tokens of clean {data.name}"
        step = Step(out, {"tokens": done_hash(self.folder), "set": done_hash(data)}, what)
        if step.needed():
            found = self.hear(data / "spk1.scp", what)
            with atomic_dir(out) as part:
                write_tokens(part / "tokens", {utt: h.tokens for utt, h in found.items()})
            step.finish()
        return read_tokens(out / "tokens")

    def hear(self, scp: Path, what: str, other: Path | None = None, share: float = 0.0) -> dict[str, Recognised]:
        """What is heard in every file of a wav.scp, in the order of their names; in (1 - share) of it + share of the `other`.

        Audio is read twice, first for its length and then batch by batch, so that a set need not fit into memory.
        """
        from kdse.data.audio import read_audio
        from kdse.data.datadir import read_table

        paths, noisy = read_table(scp), read_table(other) if other else {}

        def wave(utt: str) -> np.ndarray:
            samples = read_audio(paths[utt], utt)
            if not other:
                return samples
            found = read_audio(noisy[utt], utt) if utt in noisy else ()
            if len(found) != len(samples):
                raise UserError(f"{other}: utterance {utt} is missing, or not as long as in {scp}; run stage 7 again")
            return ((1 - share) * samples + share * found).astype(np.float32)

        batches = self._batches({utt: len(read_audio(path, utt)) for utt, path in paths.items()})
        heard = (pair for batch in batches for pair in self._heard(batch, {utt: wave(utt) for utt in batch}))
        found = dict(progress(heard, what, len(paths)))
        return {utt: found[utt] for utt in sorted(found)}

    def _heard(self, batch: list[str], waves: dict[str, np.ndarray]) -> Iterator[tuple[str, Recognised]]:
        """Utterances of one length."""
        import torch

        wave = torch.from_numpy(np.stack([waves[utt] for utt in batch]).astype(np.float32) / 32768).to(self.device)
        with torch.inference_mode():
            lengths = torch.full((len(batch),), wave.shape[1], device=self.device)
            latents, frames, log_probs = self.teacher.listen(wave, lengths, posteriors=True)
        best = log_probs.argmax(-1).tolist()
        for utt, path, latent, count in zip(batch, best, latents.cpu().numpy(), frames.tolist(), strict=True):
            tokens = self.book.assign(latent[:count]) if self.book else np.zeros(0, int)
            yield utt, Recognised(self.words(path[:count]), tokens)

    def _batches(self, lengths: dict[str, int]) -> Iterator[list[str]]:
        """Utterances of one length together (an item at its SNRs), up to `batch_seconds`.

        ESPnet's subsampling gives a padded utterance up to two frames more than it has alone, so padding would change its words.
        """
        from kdse.data.audio import RATE

        batch: list[str] = []
        for utt in sorted(lengths, key=lambda u: (lengths[u], u)):
            full = (len(batch) + 1) * lengths[utt] > self.config.batch_seconds * RATE
            if batch and (full or lengths[utt] != lengths[batch[0]]):
                yield batch
                batch = []
            batch.append(utt)
        if batch:
            yield batch
