"""Stage 2: fixed noisy sets with manifests, and packs for mixing on the fly.

A set is planned first (`plan_items`: utterance, SNR, split of the noise, room), then mixed (`mix_set`). Noise and offset of an
item are drawn from its own key, so that a set does not change with the number of processes.
"""

import itertools
import json
import math
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kdse.core.atomic import atomic_dir
from kdse.core.errors import UserError
from kdse.core.files import fingerprint, fingerprint_of_sizes
from kdse.core.parallel import in_processes
from kdse.core.progress import say
from kdse.core.step import Step
from kdse.data import manifest
from kdse.data.audio import ArkWriter
from kdse.data.datadir import DataDir, check_speech, write_tables
from kdse.data.mix import Mixture, mix, rng_for
from kdse.data.noise import SPLITS, Noise, read_noise_audio, read_noise_table, to_tsv
from kdse.data.official_sets import link_official_sets
from kdse.data.pack import Pack
from kdse.data.prepare import corpus_name
from kdse.data.reverb import choose_rir, tail
from kdse.data.rirs import Rir, read_rir, read_rir_table
from kdse.data.sets_config import SetsConfig, load_sets_config, options_of
from kdse.data.stretch import choose_stretch, pick
from kdse.data.training_packs import check_lengths, pack_noise, pack_rirs, pack_speech


@dataclass(frozen=True)
class PlannedItem:
    """What is known of an item before its audio is read.

    Args:
        utt, source: the utterance, and its value in `wav.scp`.
        snr: in dB; None for a clean item.
        key: of its random draws.
        split: of its noise.
        rir: the room it is heard in; None for none.
        others: how many items before it have the same utterance and SNR, and other noises.
    """

    utt: str
    source: str
    snr: float | None
    key: tuple
    split: str
    rir: Rir | None = None
    others: int = 0


@dataclass(frozen=True)
class MixSources:
    """What the sets of a split are mixed from."""

    data: DataDir
    split: str
    corpus: str
    noises: list[Noise]
    rirs: Sequence[Rir] = ()


@dataclass(frozen=True)
class MixJob:
    """An item and what it is mixed with, as a process gets it."""

    item: PlannedItem
    noise: Noise | None
    rng: np.random.Generator
    short_noise: str
    pipes: bool


def mix_corpus(data_dir: Path, dump: Path, conf: Path | None = None, *, nj: int = 1, pipes: bool = False) -> None:
    """Make the packs and fixed sets of a corpus that stage 1 wrote, each unless it is done.

    Args:
        data_dir: the folder of stage 1.
        dump: where packs and sets go.
        conf: a file of conf/mix.
        nj: processes.
        pipes: whether 'command |' entries of wav.scp may run.
    Raises: UserError naming what is missing, damaged, silent or too short.
    """
    config, short_noise = load_sets_config(conf)
    # A corpus that brings the sets it is tested on need not have a test split.
    brings_sets = (data_dir / "sets").is_dir() and not (data_dir / "test").is_dir()
    splits = ("train", "dev") if brings_sets else SPLITS
    corpus, noises = corpus_name(data_dir), read_noise_table(data_dir / "noise.tsv", splits)
    rirs = read_rir_table(data_dir / "rirs.tsv")
    if config.rir_share and not rirs:
        raise UserError(f"{conf}, sets: rir_share needs room responses; set RIRS in db.sh and run stage 1 again")
    for split in ("train", "dev"):
        speech, noise = dump / "pack" / f"speech_{split}", dump / "pack" / f"noise_{split}"
        pack_speech(speech, DataDir(data_dir / split), nj, pipes)
        pack_noise(noise, [n for n in noises if n.split == split], nj)
        if short_noise == "error":
            check_lengths(Pack(speech), Pack(noise))
        if rirs:
            pack_rirs(dump / "pack" / f"rir_{split}", [r for r in rirs if r.split == split], nj)
    for split in splits[1:]:
        sources = MixSources(
            data=DataDir(data_dir / split),
            split=split,
            corpus=corpus,
            noises=[n for n in noises if n.split == split or (config.seen_share and n.split == "train")],
            rirs=[r for r in rirs if r.split == split] if config.rir_share else [],
        )
        mix_split(sources, dump, config, short_noise=short_noise, nj=nj, pipes=pipes)
    link_official_sets(data_dir, dump)


def mix_split(sources: MixSources, dump: Path, config: SetsConfig, *, short_noise: str, nj: int, pipes: bool) -> None:
    """Make the sets of a split, each unless it is done."""
    for one, count in Counter(noise.split for noise in sources.noises).items():
        if config.noises(sources.split) > count:
            wanted = f"sets: {sources.split}_noises is {config.noises(sources.split)}"
            raise UserError(f"{wanted}, but the noises of split '{one}' are {count}")
    data_state = sources.data.fingerprint()
    for name, utts in set_names(sources.data, sources.split, config.kinds(sources.split)).items():
        state: dict[str, Any] = {"corpus": sources.corpus, "data": data_state}
        if not name.endswith("_clean"):
            state |= options_of(config, sources.split)
            state["short_noise"] = short_noise
            state["noise"] = fingerprint([to_tsv(sources.noises), fingerprint_of_sizes(n.path for n in sources.noises)])
            if sources.rirs:
                state["rirs"] = fingerprint_of_sizes(r.path for r in sources.rirs)
        step = Step(dump / name, state, f"mix {name}")
        if step.needed():
            items = plan_items(name, utts, sources, config)
            mix_set(step.folder, items, sources, short_noise=short_noise, nj=nj, pipes=pipes)
            step.finish()


def set_names(data: DataDir, split: str, kinds: Sequence[str]) -> dict[str, list[str]]:
    """{set: its utterances}: of each kind one, such as `test_noisy` and `test_clean`.

    A corpus that is scored in parts has these sets for each part: the utterances of the subset test-other make
    `test-other_noisy` and `test-other_clean`.
    """
    subsets: dict[str, list[str]] = {}
    for utt in data.utts:
        subset = data["utt2subset"][utt] if "utt2subset" in data else split
        subsets.setdefault(subset, []).append(utt)
    for subset in subsets:  # a name that begins with test is what `kdse.runs.selection` keeps unselected runs away from
        if subset != split and not subset.startswith(f"{split}-"):
            raise UserError(f"{data.folder / 'utt2subset'}: the name of a subset of {split} begins with '{split}-', not '{subset}'")
    return {f"{subset}_{kind}": subsets[subset] for kind in kinds for subset in sorted(subsets)}


def plan_items(name: str, utts: list[str], sources: MixSources, config: SetsConfig) -> list[PlannedItem]:
    """The items of a set, sorted by utterance and SNR; noise and offset are drawn later from each item's key."""
    snrs, rooms = config.snrs(sources.split), {r.rir_id: r for r in sources.rirs}
    items = []
    for utt in utts:
        source = sources.data["wav.scp"][utt]
        if name.endswith("_clean"):
            key = (sources.corpus, name, config.seed, utt, "clean")
            items.append(PlannedItem(utt, source, None, key, sources.split))
            continue
        chosen = snrs
        if not config.all_snrs(sources.split):
            chosen = (pick(rng_for(sources.corpus, name, config.seed, utt, "snr"), snrs),)
        for snr, others in itertools.product(chosen, range(config.noises(sources.split))):
            key = (sources.corpus, name, config.seed, utt, f"{snr:g}", *([others] if others else []))
            seen = config.seen_share > 0 and rng_for(*key, "seen").random() < config.seen_share
            rir = rooms.get(choose_rir(rng_for(*key, "rir"), tuple(rooms), config.rir_share))
            items.append(PlannedItem(utt, source, snr, key, "train" if seen else sources.split, rir, others))
    return items


def mix_set(folder: Path, items: list[PlannedItem], sources: MixSources, *, short_noise: str, nj: int, pipes: bool) -> None:
    """Write one set: its archives, the tables and the manifest. The folder appears when all of it is there."""
    categories = _categories(sources.noises)
    tables: dict[str, dict[str, str]] = {}
    kinds = ("wav", "spk1", "noise1") if any(item.snr is not None for item in items) else ("wav",)
    with atomic_dir(folder) as part, ExitStack() as stack:
        lines = stack.enter_context(open(part / manifest.NAME, "w", encoding="utf-8"))
        arks = {kind: stack.enter_context(ArkWriter(part / f"{kind}.ark", folder / f"{kind}.ark")) for kind in kinds}
        jobs = _jobs(items, sources.noises, short_noise, pipes)
        for line, mixture in in_processes(_mix_item, jobs, nj, f"mix {folder.name}"):
            for name, value in _write_item(arks, line, mixture, sources.data, categories).items():
                tables.setdefault(name, {})[line["id"]] = value
            lines.write(json.dumps(line) + "\n")
        write_tables(part, tables)
    say(f"{folder}: {len(items)} items, {len(set(tables.get('utt2noise', {}).values()))} noises")


def _categories(noises: Sequence[Noise]) -> dict[str, str]:
    """{noise: its category}, with `seen:` or `unseen:` before it where the noises are of several splits."""
    if len({n.split for n in noises}) < 2:
        return {n.noise_id: n.category for n in noises}
    return {n.noise_id: f"{'seen' if n.split == 'train' else 'unseen'}:{n.category}" for n in noises}


def _jobs(items: Sequence[PlannedItem], noises: Sequence[Noise], short_noise: str, pipes: bool) -> list[MixJob]:
    """Draw each item's noise. Drawn in the worker, a collection of 60,000 would go to every process with every chunk of items."""
    by_split: dict[str, list[Noise]] = {}
    for noise in noises:
        by_split.setdefault(noise.split, []).append(noise)
    jobs: list[MixJob] = []
    for item in items:
        rng = rng_for(*item.key)
        noise = None if item.snr is None else pick(rng, by_split[item.split])
        before = {job.noise.noise_id for job in jobs[len(jobs) - item.others :]}
        while noise is not None and noise.noise_id in before:
            noise = pick(rng, by_split[item.split])
        jobs.append(MixJob(item, noise, rng, short_noise, pipes))
    return jobs


def _mix_item(job: MixJob) -> tuple[manifest.Line, Mixture]:
    """Mix one item; return its manifest line and its signals."""
    item, noise = job.item, job.noise
    speech = check_speech(item.source, item.utt, job.pipes)
    line: manifest.Line = {"id": item.utt, "utt": item.utt, "noise": None, "offset": 0, "snr": item.snr}
    if noise is None:
        mixture = Mixture(speech, speech, np.zeros_like(speech), math.inf, 1.0, 0.0, 0)
    else:
        samples = read_noise_audio(noise.path)
        offset, stretch = choose_stretch(job.rng, samples, len(speech), item.utt, noise.noise_id, job.short_noise)
        late = tail(speech, read_rir(item.rir)) if item.rir else None
        mixture = mix(speech, stretch, item.snr, utt=item.utt, noise_id=noise.noise_id, late=late)
        line |= {"id": f"{item.utt}__{noise.noise_id}__{item.snr:g}dB", "noise": noise.noise_id, "offset": offset}
        if item.rir:
            line |= {"rir": item.rir.rir_id, "rir_source": item.rir.path}
    line |= {"gain": mixture.gain, "noise_gain": mixture.noise_gain, "sha256": manifest.checksum(mixture.noisy)}
    line |= {"clean_source": item.source, "noise_source": noise.path if noise else None}
    return line, mixture


def _write_item(
    arks: dict[str, ArkWriter], line: manifest.Line, mixture: Mixture, data: DataDir, categories: dict[str, str]
) -> dict[str, str]:
    """Append an item's signals to the archives; return its values for the tables."""
    utt, noise = line["utt"], line["noise"]
    noisy = arks["wav"].add(line["id"], mixture.noisy)
    row = {"text": data["text"][utt], "utt2spk": data["utt2spk"][utt], "utt2orig": utt, "wav.scp": noisy}
    if not noise:
        return row | {"spk1.scp": noisy, "utt2category": "clean"}
    row["spk1.scp"] = arks["spk1"].add(line["id"], mixture.speech)
    row["noise1.scp"] = arks["noise1"].add(line["id"], mixture.noise)
    return row | {"utt2category": categories[noise], "utt2snr": f"{line['snr']:g}", "utt2noise": noise}
