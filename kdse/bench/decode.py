"""`kdse bench decode`: our recognition beside ESPnet's asr_inference, with the same model, beam and weights, in turn."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from kdse.bench.harness import Case, Spent, check_positive, clock, measure_together
from kdse.bench.stock import Stock, bare_greedy
from kdse.core.errors import UserError
from kdse.data.audio import FULL_SCALE, RATE, read_audio
from kdse.data.datadir import read_table
from kdse.recognisers.batching import batches
from kdse.recognisers.espnet import Espnet
from kdse.recognisers.registry import ESPNET, read_recogniser
from kdse.scoring.words import normalise, word_errors
from kdse.search.config import SearchConfig

STOCK, LOOP, OURS = "ESPnet's asr_inference", "argmax, one by one", "kdse"
"""The loop, the least that an utterance at a time can cost, is timed for ctc_greedy alone."""

Texts = dict[str, str]
"""{utterance: hypothesis}"""
Way = Callable[[list[list[str]]], Texts]
"""Recognises the utterances of some batches."""


def run(*, model: Path, data: Path, config: Path, items: int | None, blocks: int, nj: int) -> None:
    """Time both in every process at the same time, and print their table.

    Args:
        model: a recogniser's folder.
        data: a fixed set.
        config: YAML of conf/decode.
        items: the first utterances of the set; None for all.
        blocks: the two take turns so many times.
        nj: processes.
    """
    check_positive(items=items, blocks=blocks, nj=nj)
    for name in ("config.yaml", "model.pth"):
        if not (model / name).is_file():
            raise UserError(f"there is no {model / name}; train the recogniser first (stage 3)")
    if (recogniser := read_recogniser(config)[0]) != ESPNET:
        raise UserError(f"{config} chooses the recogniser '{recogniser}'; only ESPnet's can be compared with asr_inference")
    paths = read_table(data / "wav.scp")
    utterances = sorted(paths)[:items]
    if nj > len(utterances):
        raise UserError(f"{len(utterances)} utterances are too few for {nj} processes")
    references = read_table(data / "text")
    if unspoken := [utt for utt in utterances if utt not in references]:
        where = f"{data / 'text'} lacks {len(unspoken)} of {len(utterances)} utterances of wav.scp"
        raise UserError(f"{where}, the first {unspoken[0]}")
    cases = []
    for part in range(nj):  # an item at its SNRs has names that stand together, and stays together
        share = utterances[part * len(utterances) // nj : (part + 1) * len(utterances) // nj]
        of_part = {utt: paths[utt] for utt in share}
        cases.append(Case.of(model.name, "kdse.bench.decode:time_part", model=model, config=config, blocks=blocks, paths=of_part))
    print(table(measure_together(cases), references, f"{model.name}, {data.name}, {config.stem}"))


def time_part(*, model: Path | str, config: Path | str, blocks: int, paths: dict[str, str]) -> dict:
    """Recognise some utterances in every way, block by block, after the largest batch, which is not timed then.

    Batches are those of stage 8, and a turn takes whole ones, so there are no more turns than batches.

    Args:
        paths: {utterance: audio}; the others as in `run`.

    Returns: audio in seconds; turns; for each way wall-clock and processor seconds, and texts.
    """
    torch.set_num_threads(1)
    _, options = read_recogniser(Path(config))
    waves = {utt: (read_audio(path, utt) / FULL_SCALE).astype(np.float32) for utt, path in paths.items()}
    recogniser = Espnet(options, Path(model))
    ways = _ways(Path(model), options, recogniser, waves)
    together = _batches(waves, options, recogniser)

    largest = max(together, key=lambda batch: sum(len(waves[utt]) for utt in batch))
    for recognise in ways.values():  # memory that is touched for the first time belongs to the start-up
        recognise([largest])
    texts: dict[str, Texts] = {way: {} for way in ways}
    times = {way: Spent() for way in ways}
    turns = min(blocks, len(together))
    for number in range(turns):
        block = together[number::turns]
        order = list(ways) if number % 2 else list(ways)[::-1]
        for way in order:
            with clock(times[way]):
                texts[way] |= ways[way](block)
    measured = {way: {"seconds": times[way].wall, "cpu": times[way].cpu, "text": texts[way]} for way in ways}
    return {"audio": sum(map(len, waves.values())) / RATE, "turns": turns, "ways": measured}


def _batches(waves: dict[str, np.ndarray], options: SearchConfig, recogniser: Espnet) -> list[list[str]]:
    """Utterances that stage 8 recognises together, the shortest first."""
    by_length = sorted(waves, key=lambda utt: len(waves[utt]))
    lengths = [len(waves[utt]) for utt in by_length]
    return [[by_length[i] for i in batch] for batch in batches(lengths, options.batch_seconds, recogniser.equal_lengths)]


def _ways(model: Path, options: SearchConfig, recogniser: Espnet, waves: dict[str, np.ndarray]) -> dict[str, Way]:
    """What is compared, ESPnet first."""
    stock = Stock(model, options)

    def ours(block: list[list[str]]) -> Texts:
        texts = {}
        for batch in block:
            hypotheses = recogniser.transcribe([waves[utt] for utt in batch])
            texts |= {utt: hypothesis.words for utt, hypothesis in zip(batch, hypotheses, strict=True)}
        return texts

    def one_by_one(decode: Callable[[np.ndarray], list[int]]) -> Way:
        return lambda block: {utt: recogniser.text(decode(waves[utt])) for batch in block for utt in batch}

    ways = {STOCK: one_by_one(lambda wave: stock(wave).tokens)}
    if options.decode == "ctc_greedy":
        ways[LOOP] = one_by_one(lambda wave: bare_greedy(stock.model, wave))
    return {**ways, OURS: ours}


def table(parts: list[dict], references: Texts, what: str) -> str:
    """Throughput of all processes together, its ratio to ESPnet's, WER, and how many hypotheses differ from ours."""
    ways, audio = list(parts[0]["ways"]), sum(part["audio"] for part in parts)
    texts = {way: {utt: text for part in parts for utt, text in part["ways"][way]["text"].items()} for way in ways}
    # each process has its own share of the work; together they do the sum of what they do a second
    rate = {way: sum(len(part["ways"][way]["text"]) / part["ways"][way]["seconds"] for part in parts) for way in ways}
    cpu = {way: sum(part["ways"][way]["cpu"] for part in parts) for way in ways}
    count = len(texts[OURS])
    turns = " and ".join(str(number) for number in sorted({part["turns"] for part in parts}))
    how = f"{len(parts)} process(es) of one thread each, {turns} turns, start-up not counted"
    heads = f"{'':22} {'utt/s':>7} {'audio s/s':>9} {'ratio':>6} {'CPU s':>7} {'ratio':>6} {'WER %':>6}  hypotheses unlike ours"
    lines = [f"{what}: {count} utterances, {audio:.0f} s, {how}", heads]
    for way in ways:
        unlike = "" if way == OURS else sum(texts[way][utt] != text for utt, text in texts[OURS].items())
        speed = f"{rate[way]:7.1f} {rate[way] * audio / count:9.1f} {rate[way] / rate[STOCK]:6.2f}"
        work = f"{cpu[way]:7.1f} {cpu[STOCK] / cpu[way]:6.2f}"
        lines.append(f"{way:22} {speed} {work} {_error_rate(texts[way], references):6.2f}  {unlike}".rstrip())
    return "\n".join(lines)


def _error_rate(texts: Texts, references: Texts) -> float:
    """Word errors in per cent of the words of the references."""
    words = errors = 0
    for utt, text in texts.items():
        n_ref, *of_utterance = word_errors(normalise(references[utt]), normalise(text))
        words, errors = words + n_ref, errors + sum(of_utterance)
    return 100 * errors / words
