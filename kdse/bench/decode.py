"""`kdse bench decode`: our recognition beside ESPnet's asr_inference, with the same model, beam and weights, in turn."""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from kdse.core.errors import UserError
from kdse.data.audio import FULL_SCALE, RATE, read_audio
from kdse.data.datadir import read_table
from kdse.recognisers import HOME, batches, read_recogniser
from kdse.recognisers.espnet import Espnet
from kdse.scoring.words import normalise, word_errors

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
STOCK, LOOP, OURS = "ESPnet's asr_inference", "argmax, one by one", "kdse"
"""The loop, the least that an utterance at a time can cost, is timed for ctc_greedy alone."""


def add_arguments(kinds) -> None:
    """Arguments of `kdse bench decode`."""
    sub = kinds.add_parser("decode", help="utterances a second of decoding, beside ESPnet's", description=__doc__)
    sub.add_argument(
        "--model", type=Path, default=Path("exp/asr_conformer"), metavar="DIR", help="of stage 3 (default: %(default)s)"
    )
    sub.add_argument("--set", type=Path, default=Path("dump/test_noisy"), metavar="DIR", help="of stage 2 (default: %(default)s)")
    sub.add_argument("--config", type=Path, required=True, help="YAML of conf/decode")
    sub.add_argument("--items", type=int, help="the first utterances of the set (default: all)")
    sub.add_argument(
        "--blocks", type=int, default=4, help="the two take turns so many times, or once a batch (default: %(default)s)"
    )
    sub.add_argument("--nj", type=int, default=2, help="processes, one thread each (default: %(default)s)")
    sub.add_argument("--part", type=int, help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> None:
    """Time both in every process at the same time, and print their table."""
    for name in ("items", "blocks", "nj"):
        if (value := getattr(args, name)) is not None and value < 1:
            raise UserError(f"--{name} must be 1 or more, not {value}")
    for name in ("config.yaml", "model.pth"):
        if not (args.model / name).is_file():
            raise UserError(f"there is no {args.model / name}; train the recogniser first (stage 3)")
    if (name := read_recogniser(args.config)[0]) != HOME:
        raise UserError(f"{args.config} chooses the recogniser '{name}'; only ESPnet's can be compared with asr_inference")
    paths = read_table(args.set / "wav.scp")
    names = sorted(paths)
    names = names[: args.items]
    if args.nj > len(names):
        raise UserError(f"{len(names)} utterances are too few for {args.nj} processes")
    if args.part is not None:
        print(json.dumps(time_part(args, _share(paths, names, args.part, args.nj))))
        return
    references = read_table(args.set / "text")
    if unspoken := [name for name in names if name not in references]:
        raise UserError(f"{args.set / 'text'} lacks {len(unspoken)} of {len(names)} utterances of wav.scp, the first {unspoken[0]}")
    words = ["bench", "decode", "--model", args.model, "--set", args.set, "--config", args.config, "--blocks", args.blocks]
    words += ["--nj", args.nj, *(["--items", args.items] if args.items else [])]
    commands = [[sys.executable, "-m", "kdse.cli", *map(str, words), "--part", str(part)] for part in range(args.nj)]
    environment = os.environ | dict.fromkeys(THREADS, "1")
    running = [subprocess.Popen(c, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for c in commands]
    ended = [(process.communicate(), process.returncode) for process in running]
    for (_, error), code in ended:
        if code:
            last = (error.strip() or f"a process ended with {code}").splitlines()[-1]
            raise UserError(last.removeprefix("kdse bench: "))
    parts = [json.loads(out.splitlines()[-1]) for (out, _), _ in ended]
    print(table(parts, references, f"{args.model.name}, {args.set.name}, {args.config.stem}"))


def _share(paths: dict[str, str], names: list[str], part: int, parts: int) -> dict[str, str]:
    """A process's share of the utterances; an item at its SNRs has names that stand together, and stays together."""
    return {name: paths[name] for name in names[part * len(names) // parts : (part + 1) * len(names) // parts]}


def time_part(args: argparse.Namespace, paths: dict[str, str]) -> dict:
    """Recognise some utterances in every way, block by block, after the largest batch, which is not timed then.

    Batches are those of stage 8, and a turn takes whole ones, so there are no more turns than batches.

    Returns: audio in seconds; turns; wall-clock and processor seconds and texts for each way.
    """
    import torch

    from kdse.bench.stock import Stock, bare_greedy

    torch.set_num_threads(1)
    _, options = read_recogniser(args.config)
    waves = {name: (read_audio(path, name) / FULL_SCALE).astype(np.float32) for name, path in paths.items()}
    stock, recogniser = Stock(args.model, options), Espnet(options, args.model)

    names = sorted(waves, key=lambda name: len(waves[name]))
    together = [
        [names[i] for i in batch]
        for batch in batches([len(waves[name]) for name in names], options.batch_seconds, recogniser.equal_lengths)
    ]

    def ours(part: list[list[str]]) -> dict[str, str]:
        found = {}
        for batch in part:
            found |= {name: h.words for name, h in zip(batch, recogniser.transcribe([waves[name] for name in batch]), strict=True)}
        return found

    def alone(decode: Callable[[np.ndarray], list[int]]):
        return lambda part: {name: recogniser.text(decode(waves[name])) for batch in part for name in batch}

    ways = {STOCK: alone(lambda wave: stock(wave).tokens)}
    if options.decode == "ctc_greedy":
        ways[LOOP] = alone(lambda wave: bare_greedy(stock.model, wave))
    ways[OURS] = ours
    found = {way: {"seconds": 0.0, "cpu": 0.0, "text": {}} for way in ways}
    largest = max(together, key=lambda batch: sum(len(waves[name]) for name in batch))
    for decode in ways.values():  # memory that is touched for the first time belongs to the start-up
        decode([largest])
    turns = min(args.blocks, len(together))
    for number in range(turns):
        block = together[number::turns]
        for way in list(ways)[:: 1 if number % 2 else -1]:
            started, cpu = time.perf_counter(), time.process_time()
            found[way]["text"] |= ways[way](block)
            found[way]["seconds"] += time.perf_counter() - started
            found[way]["cpu"] += time.process_time() - cpu
    return {"audio": sum(map(len, waves.values())) / RATE, "turns": turns, "ways": found}


def table(parts: list[dict], references: dict[str, str], what: str) -> str:
    """Throughput of all processes together, its ratio to ESPnet's, WER, and how many hypotheses differ from ours."""
    ways, audio = list(parts[0]["ways"]), sum(part["audio"] for part in parts)
    texts = {way: {name: text for part in parts for name, text in part["ways"][way]["text"].items()} for way in ways}
    # each process has its own share of the work; together they do the sum of what they do a second
    rate = {way: sum(len(part["ways"][way]["text"]) / part["ways"][way]["seconds"] for part in parts) for way in ways}
    cpu = {way: sum(part["ways"][way]["cpu"] for part in parts) for way in ways}
    count = len(texts[OURS])
    turns = " and ".join(str(number) for number in sorted({part["turns"] for part in parts}))
    how = f"{len(parts)} process(es) of one thread each, {turns} turns, start-up not counted"
    lines = [f"{what}: {count} utterances, {audio:.0f} s, {how}"]
    lines.append(
        f"{'':22} {'utt/s':>7} {'audio s/s':>9} {'ratio':>6} {'CPU s':>7} {'ratio':>6} {'WER %':>6}  hypotheses unlike ours"
    )
    for way in ways:
        counts = [word_errors(normalise(references[name]), normalise(text)) for name, text in texts[way].items()]
        errors = 100 * sum(sum(c[1:]) for c in counts) / sum(c[0] for c in counts)
        unlike = sum(texts[way][name] != text for name, text in texts[OURS].items())
        speed = f"{rate[way]:7.1f} {rate[way] * audio / count:9.1f} {rate[way] / rate[STOCK]:6.2f}"
        lines.append(
            f"{way:22} {speed} {cpu[way]:7.1f} {cpu[STOCK] / cpu[way]:6.2f} {errors:6.2f}  {'' if way == OURS else unlike}"
        )
    return "\n".join(line.rstrip() for line in lines)
