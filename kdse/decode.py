"""Stage 8, `kdse decode`: what the recogniser hears in the original or enhanced sets (batched greedy CTC)."""

import argparse
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from kdse.config import override, read_config
from kdse.errors import UserError
from kdse.files import atomic_dir
from kdse.progress import progress
from kdse.runs import write_run
from kdse.selected import allowed_sets
from kdse.stage import Step, done_hash

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
    parser.add_argument("--corpus", help="corpus name of the rows of a run without a front end")
    parser.add_argument("--dump", type=Path, default=Path("dump"), help="what stage 2 wrote (default: dump)")
    parser.add_argument("--config", type=Path, help="YAML of DecodeConfig (default: the defaults in kdse/decode.py)")
    parser.add_argument("--sets", nargs="+", required=True, metavar="SET", help="fixed sets in the dump folder")
    parser.add_argument("--selected", metavar="FILE", help="decode test sets only for the runs it names (selected.yaml)")


def run(args: argparse.Namespace) -> None:
    """Decode the sets, skipping those that are done."""
    options = read_config(args.config) if args.config else {}
    override(DecodeConfig, options, str(args.config))
    config = DecodeConfig(**options)  # numbers as they are written, so that what is finished stays finished
    if config.decode != "ctc_greedy":
        raise UserError(f"{args.config}: decode is 'ctc_greedy' in this version, not '{config.decode}'")
    backend = done_hash(args.backend)
    if backend is None:
        raise UserError(f"{args.backend} is not finished; run stage 3 first")
    decoder = None
    for run_folder in args.run:
        bare, worked = run_folder.name.startswith(NO_FRONT_END), False
        for name in allowed_sets(run_folder.name, args.sets, args.selected):
            source = args.dump / name if bare else run_folder / "enhanced" / name
            state = done_hash(source)
            if state is None:
                raise UserError(f"{source} is not finished; run stage {2 if bare else 7} first")
            out, what = run_folder / "decode" / name, f"{run_folder.name}: decode {name}"
            step = Step(out, {"config": asdict(config), "backend": backend, "audio": state}, what)
            if step.needed():
                decoder = decoder or Decoder(args.backend, config)
                decoder.decode_set(source, out, what)
                step.finish()
                worked = True
        # what an earlier commit made keeps its name where nothing was made anew
        if bare and (worked or not (run_folder / "run.yaml").exists()):
            about = {"corpus": args.corpus, "approach": NO_FRONT_END, "seed": 0, "backend": args.backend.name, "params": 0}
            write_run(run_folder, {"decode": asdict(config)}, **about)


class Decoder:
    """Greedy CTC with an ESPnet backend.

    Args:
        backend: folder of stage 3.
        config: see `DecodeConfig`.
    """

    def __init__(self, backend: Path, config: DecodeConfig):
        import torch

        from kdse.plugin.load import load_backend

        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.name, self.config = backend.name, config
        self.model, options = load_backend(backend, self.device)
        if self.model.ctc is None:
            raise UserError(f"the backend {backend} has no CTC branch, which greedy CTC decoding needs")
        self.tokens = options.token_list

    def words(self, best: list[int]) -> str:
        """The text of a best path: repeats merged, blanks dropped, pieces joined."""
        merged = [t for t, before in zip(best, [None, *best], strict=False) if t != before and t != self.model.blank_id]
        return "".join(self.tokens[t] for t in merged if not self.tokens[t].startswith("<")).replace("▁", " ").strip()

    def decode_set(self, source: Path, out: Path, what: str) -> None:
        """Recognise `source`/wav.scp; write `out`/{text,decode.yaml}, which appear when they are complete."""
        import numpy as np
        import torch
        import yaml

        from kdse.data.audio import read_audio
        from kdse.data.datadir import read_table

        waves = {utt: read_audio(path, utt) for utt, path in read_table(source / "wav.scp").items()}
        found = {}
        for batch in progress(list(self._batches({utt: len(w) for utt, w in waves.items()})), what):
            lengths = torch.tensor([len(waves[utt]) for utt in batch])
            padded = torch.zeros(len(batch), int(lengths.max()))
            for row, utt in zip(padded, batch, strict=True):
                row[: len(waves[utt])] = torch.from_numpy(waves[utt].astype(np.float32) / 32768)
            with torch.inference_mode():
                hidden, frames = self.model.encode(padded.to(self.device), lengths.to(self.device))
                best = self.model.ctc.argmax(hidden[0] if isinstance(hidden, tuple) else hidden)
            for utt, path, count in zip(batch, best.cpu(), frames.cpu(), strict=True):
                found[utt] = self.words(path[: int(count)].tolist())
        about = {"decode": self.config.decode, "backend": self.name, "omega": 0.0}
        with atomic_dir(out) as part:
            (part / "text").write_text("".join(f"{utt} {found[utt]}\n" for utt in sorted(found)), encoding="utf-8")
            (part / "decode.yaml").write_text(yaml.safe_dump(about), encoding="utf-8")

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
