"""The verb `kdse mix` (stage 2): fixed noisy sets with a manifest that rebuilds them, and packs for mixing on the fly."""

import argparse
import csv
import hashlib
import io
import json
import math
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from kdse.core.config import override, read_config
from kdse.core.errors import UserError
from kdse.core.files import atomic_dir, check_keys, fingerprint, read_text, sha256
from kdse.core.progress import say
from kdse.core.step import Step
from kdse.data.audio import ArkWriter, read_audio
from kdse.data.datadir import CLEAN, PIPES_HELP, DataDir, check_speech, in_processes, write_tables
from kdse.data.mix import MixConfig, Mixture, choose_stretch, combine, cut, mix, pick, rng_for, short
from kdse.data.noise import COLUMNS, SPLITS, Noise, check_splits, read_noise, to_tsv
from kdse.data.official_sets import take_over
from kdse.data.pack import Pack
from kdse.data.prepare import corpus_name
from kdse.data.reverb import choose_rir, tail
from kdse.data.rirs import Rir, read_rir, read_rir_table

MANIFEST = frozenset(("id", "utt", "noise", "offset", "gain", "noise_gain", "sha256", "clean_source", "noise_source"))
"""What a line of manifest.jsonl needs for its item to be made again."""


@dataclass(frozen=True)
class SetsConfig:
    """The fixed sets. YAML files only override these values.

    Args:
        test_snrs: dB; every test utterance is mixed at each of them, or at one without `test_all_snrs`.
        dev_snrs: dB; each dev utterance is mixed at one of them, or at each with `dev_all_snrs`.
        seen_share: of the items, those mixed with training noises. Where it is above 0 an item's category says `seen:` or `unseen:`
            before the noise's own.
        rir_share: of the items, those heard in a room; what it adds to the speech is part of the noise (`kdse.data.reverb`).
        seed: another seed draws other noises and offsets.
    """

    test_snrs: tuple = (-5.0, 0.0, 5.0, 10.0)
    dev_snrs: tuple = (-5.0, 0.0, 5.0, 10.0)
    dev_all_snrs: bool = False
    test_all_snrs: bool = True
    seen_share: float = 0.0
    rir_share: float = 0.0
    seed: int = 0


@dataclass(frozen=True)
class Item:
    """What a manifest line says before the audio is known: one utterance at one SNR (None: clean), the split of its noise, and
    the room it is heard in."""

    id: str
    utt: str
    source: str
    snr: float | None
    key: tuple
    split: str
    rir: Rir | None = None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, default=Path("data"), help="folder of stage 1 (default data)")
    parser.add_argument("--dump", type=Path, default=Path("dump"), help="where sets and packs go (default dump)")
    parser.add_argument("--sets", type=Path, metavar="CONF", help="a file of conf/mix (default: the defaults in the code)")
    parser.add_argument("--nj", type=int, default=1, help="processes (default 1)")
    parser.add_argument("--pipes", action="store_true", help=PIPES_HELP)
    parser.add_argument("--rebuild", type=Path, metavar="SET", help="only make a set again from its manifest and compare every bit")


def run(args: argparse.Namespace) -> int:
    if args.rebuild:
        return verify(args.rebuild, args.nj, args.pipes)
    config, short_noise = load(args.sets)
    # A corpus that brings the sets it is tested on need not have a test split.
    splits = SPLITS if (args.data / "test").is_dir() or not (args.data / "sets").is_dir() else ("train", "dev")
    corpus, noises = corpus_name(args.data), read_noise_table(args.data / "noise.tsv", splits)
    rirs = read_rir_table(args.data / "rirs.tsv")
    if config.rir_share and not rirs:
        raise UserError(f"{args.sets}, sets: rir_share needs room responses; set RIRS in db.sh and run stage 1 again")
    for split in ("train", "dev"):
        data = DataDir(args.data / split)
        speech, noise = args.dump / "pack" / f"speech_{split}", args.dump / "pack" / f"noise_{split}"
        pack_speech(speech, data, args.nj, args.pipes)
        pack_noise(noise, [n for n in noises if n.split == split], args.nj)
        if short_noise == "error":
            check_lengths(Pack(speech), Pack(noise))
        if rirs:
            pack_rirs(args.dump / "pack" / f"rir_{split}", [r for r in rirs if r.split == split], args.nj)
    for split in splits[1:]:
        data = DataDir(args.data / split)
        heard = (split, "train") if config.seen_share else (split,)
        used = [n for n in noises if n.split in heard]
        rooms = [r for r in rirs if r.split == split] if config.rir_share else []
        state = _state(data)
        for name, utts in parts(data, split).items():
            made = {"corpus": corpus, "data": state}
            if not name.endswith("_clean"):
                made |= _options(config, split) | {"short_noise": short_noise}
                made |= {"noise": fingerprint([to_tsv(used), _files([n.path for n in used])])}
                made |= {"rirs": _files([r.path for r in rooms])} if rooms else {}
            step = Step(args.dump / name, made, f"mix {name}")
            if step.needed():
                items = plan(name, data, utts, corpus, config, split, rooms)
                make_set(step.folder, items, data, used, short_noise, args.nj, args.pipes)
                step.finish()
    take_over(args.data, args.dump, _state)
    return 0


def parts(data: DataDir, split: str) -> dict[str, list[str]]:
    """{set: its utterances}: `dev_noisy`, or `test_noisy` and `test_clean`; of a corpus scored in parts these for each of them, so
    that the utterances of the subset test-other make `test-other_noisy` and `test-other_clean`."""
    subsets: dict[str, list[str]] = {}
    for utt in data.utts:
        subsets.setdefault(data["utt2subset"][utt] if "utt2subset" in data else split, []).append(utt)
    for subset in subsets:  # a name that begins with test is what `kdse.runs.selection` keeps unselected runs away from
        if subset != split and not subset.startswith(f"{split}-"):
            raise UserError(f"{data.folder / 'utt2subset'}: the name of a subset of {split} begins with '{split}-', not '{subset}'")
    kinds = ("noisy",) if split == "dev" else ("noisy", "clean")
    return {f"{subset}_{kind}": subsets[subset] for kind in kinds for subset in sorted(subsets)}


def _options(config: SetsConfig, split: str) -> dict:
    """What of the options the noisy sets of a split depend on. One that is younger than sets which were made without it counts only
    where it is not at its default, so that those stay done."""
    used, default = asdict(config), asdict(SetsConfig())
    names = [name for name in used if name.startswith(split) or name in ("seed", "seen_share", "rir_share")]
    younger = ("test_all_snrs", "seen_share", "rir_share")
    return {name: used[name] for name in names if name not in younger or used[name] != default[name]}


def load(path: Path | None) -> tuple[SetsConfig, str]:
    """The section `sets` of a file of conf/mix, and `short_noise` of its section `train`."""
    if path is None:
        return SetsConfig(), MixConfig().short_noise
    values = read_config(path)
    check_keys(values, ("train", "sets"), str(path))
    config = override(SetsConfig, values.get("sets") or {}, f"{path}, sets")
    for key in ("test_snrs", "dev_snrs"):
        snrs = getattr(config, key)
        if not snrs or not all(type(snr) in (int, float) and math.isfinite(snr) for snr in snrs) or len(set(snrs)) < len(snrs):
            raise UserError(f"{path}, sets: {key} takes different finite numbers in dB like [-5, 0, 5], not {list(snrs)}")
        config = replace(config, **{key: tuple(map(float, snrs))})
    for key in ("seen_share", "rir_share"):
        if not 0 <= getattr(config, key) <= 1:
            raise UserError(f"{path}, sets: {key} is between 0 and 1, not {getattr(config, key)}")
    return config, MixConfig.load(path).short_noise


def read_noise_table(path: Path, splits: tuple[str, ...] = SPLITS) -> list[Noise]:
    """Read data/noise.tsv as stage 1 wrote it.

    Raises: UserError where it is missing, a line lacks a column, or one of the splits has no noise.
    """
    if not path.is_file():
        raise UserError(f"{path} is missing; run stage 1 (kdse data) first")
    noises = []
    for number, row in enumerate(csv.DictReader(io.StringIO(read_text(path)), delimiter="\t", quoting=csv.QUOTE_NONE), 2):
        lost = next((column for column in COLUMNS if not row.get(column)), None)
        if lost:
            raise UserError(f"{path}, line {number} lacks the column '{lost}'; run stage 1 (kdse data) again")
        noises.append(Noise(*(row[column] for column in COLUMNS)))
    check_splits(noises, path, splits)
    return noises


def pack_speech(folder: Path, data: DataDir, nj: int, pipes: bool) -> None:
    """Pack the audio of a data dir, unless that is done."""
    step = Step(folder, {"data": _state(data)}, f"pack {folder.name}")
    if step.needed():
        jobs = [(data["wav.scp"][utt], utt, pipes) for utt in data.utts]
        recordings = [utt for utt, category in data.categories().items() if category != CLEAN]
        Pack.write(folder, zip(data.utts, in_processes(_speech, jobs, nj, step.what), strict=True), recordings)
        step.finish()


def pack_noise(folder: Path, noises: list[Noise], nj: int) -> None:
    """Pack noises of one split, unless that is done."""
    step = Step(folder, {"noise": [n.noise_id for n in noises], "files": _files([n.path for n in noises])}, f"pack {folder.name}")
    if step.needed():
        Pack.write(folder, zip([n.noise_id for n in noises], in_processes(read_noise, noises, nj, step.what), strict=True))
        step.finish()


def pack_rirs(folder: Path, rirs: list[Rir], nj: int) -> None:
    """Pack room responses of one split, unless that is done."""
    step = Step(folder, {"rirs": [r.rir_id for r in rirs], "files": _files([r.path for r in rirs])}, f"pack {folder.name}")
    if step.needed():
        Pack.write(folder, zip([r.rir_id for r in rirs], in_processes(read_rir, rirs, nj, step.what), strict=True))
        step.finish()


def check_lengths(speech: Pack, noise: Pack, speed: float = 1.0) -> None:
    """Raise UserError where a noise is shorter than the longest utterance at this speed: better now than amid a training."""
    utt, noise_id = max(speech.clean, key=speech.length), min(noise, key=noise.length)
    length = math.ceil(speech.length(utt) * 100 / round(100 * speed))
    if noise.length(noise_id) < length:
        slow = "" if speed == 1.0 else f" at speed {speed:g}"
        raise UserError(short(f"{utt}{slow}", length, noise_id, noise.length(noise_id)))


def plan(
    name: str, data: DataDir, utts: list[str], corpus: str, config: SetsConfig, split: str, rirs: Sequence[Rir] = ()
) -> list[Item]:
    """The items of a set, sorted by utterance and SNR; noise and offset are drawn later from each item's key."""
    snrs: tuple = config.dev_snrs if split == "dev" else config.test_snrs
    rooms = {r.rir_id: r for r in rirs}
    each = config.dev_all_snrs if split == "dev" else config.test_all_snrs
    items = []
    for utt in utts:
        chosen = snrs
        if name.endswith("_clean"):
            chosen = (None,)
        elif not each:
            chosen = (snrs[rng_for(corpus, name, config.seed, utt, "snr").integers(len(snrs))],)
        for snr in chosen:
            key = (corpus, name, config.seed, utt, "clean" if snr is None else f"{snr:g}")
            seen = snr is not None and config.seen_share > 0 and rng_for(*key, "seen").random() < config.seen_share
            rir_id = "" if snr is None else choose_rir(rng_for(*key, "rir"), tuple(rooms), config.rir_share)
            items.append(Item(utt, utt, data["wav.scp"][utt], snr, key, "train" if seen else split, rooms.get(rir_id)))
    return items


def make_set(folder: Path, items: list[Item], data: DataDir, noises: list[Noise], short_noise: str, nj: int, pipes: bool) -> None:
    """Write one set: three archives, the tables and manifest.jsonl; the folder appears when all of it is there."""
    category = {n.noise_id: n.category for n in noises}
    if len({n.split for n in noises}) > 1:
        category = {n.noise_id: f"{'seen' if n.split == 'train' else 'unseen'}:{n.category}" for n in noises}
    tables: dict[str, dict[str, str]] = {}
    by_split = {split: [n for n in noises if n.split == split] for split in {n.split for n in noises}}
    jobs = []
    for item in items:  # the noise is drawn here: a collection of 60,000 would else go to every process with every chunk of items
        rng = rng_for(*item.key)
        jobs.append((item, None if item.snr is None else pick(rng, by_split[item.split]), rng, short_noise, pipes))
    noisy_set = any(item.snr is not None for item in items)
    with atomic_dir(folder) as part:
        kinds = ("wav", "spk1", "noise1") if noisy_set else ("wav",)
        with ExitStack() as stack:
            manifest = stack.enter_context(open(part / "manifest.jsonl", "w", encoding="utf-8"))
            arks = {kind: stack.enter_context(ArkWriter(part / f"{kind}.ark", folder / f"{kind}.ark")) for kind in kinds}
            for line, mixture in in_processes(_mix, jobs, nj, f"mix {folder.name}"):
                row = {"text": data["text"][line["utt"]], "utt2spk": data["utt2spk"][line["utt"]], "utt2orig": line["utt"]}
                row["wav.scp"] = row["spk1.scp"] = arks["wav"].add(line["id"], mixture.noisy)
                row["utt2category"] = category[line["noise"]] if line["noise"] else "clean"
                if line["noise"]:
                    row["spk1.scp"] = arks["spk1"].add(line["id"], mixture.speech)
                    row["noise1.scp"] = arks["noise1"].add(line["id"], mixture.noise)
                    row |= {"utt2snr": f"{line['snr']:g}", "utt2noise": line["noise"]}
                for name, value in row.items():
                    tables.setdefault(name, {})[line["id"]] = value
                manifest.write(json.dumps(line) + "\n")
        write_tables(part, tables)
    say(f"{folder}: {len(items)} items, {len(set(tables.get('utt2noise', {}).values()))} noises")


def rebuild(line: Mapping, pipes: bool = False) -> np.ndarray:
    """Make the noisy signal of a manifest line again, int16 (N,), from its sources and stored factors alone."""
    speech = read_audio(line["clean_source"], line["utt"], pipes)
    if line["noise"] is None:
        return speech
    stretch = cut(_noise_audio(line["noise_source"]), line["offset"], len(speech))
    late = tail(speech, read_rir(Rir(line["rir"], "", line["rir_source"]))) if line.get("rir") else None
    return combine(speech, stretch, line["gain"], line["noise_gain"], late)[0]


def verify(folder: Path, nj: int, pipes: bool = False) -> int:
    """Rebuild every item of a set and compare it with the manifest and the archive; return 1 where one differs, else 0."""
    try:
        lines = [json.loads(line) for line in (folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines()]
    except OSError as e:
        raise UserError(f"{folder / 'manifest.jsonl'} is missing; {folder} is no set of stage 2") from e
    except ValueError as e:
        raise UserError(f"{folder / 'manifest.jsonl'} is damaged: {e}") from e
    for number, line in enumerate(lines, 1):
        if not (isinstance(line, dict) and line.keys() >= MANIFEST):
            raise UserError(f"{folder / 'manifest.jsonl'}, line {number} is damaged: it lacks one of {', '.join(sorted(MANIFEST))}")
    scp = DataDir(folder)["wav.scp"]
    different = sorted(set(scp) ^ {line["id"] for line in lines})
    jobs = [(line, scp[line["id"]], pipes) for line in lines if line["id"] in scp]
    different += [name for name in in_processes(_differs, jobs, nj, f"rebuild {folder.name}") if name]
    if different:
        say(f"{folder}: {len(different)} of {len(lines)} items differ from the manifest, e.g. {', '.join(different[:3])}")
        return 1
    say(f"{folder}: all {len(lines)} items rebuilt bit for bit")
    return 0


def checksum(samples: np.ndarray) -> str:
    """Hex SHA-256 of int16 samples, little-endian."""
    return hashlib.sha256(samples.astype("<i2").tobytes()).hexdigest()


def _mix(job: tuple[Item, Noise | None, np.random.Generator, str, bool]) -> tuple[dict, Mixture]:
    item, noise, rng, short_noise, pipes = job
    speech = check_speech(item.source, item.utt, pipes)
    line = {"id": item.id, "utt": item.utt, "noise": None, "offset": 0, "snr": item.snr}
    if noise is None:
        mixture = Mixture(speech, speech, np.zeros_like(speech), math.inf, 1.0, 0.0, 0)
    else:
        samples = _noise_audio(noise.path)
        offset, stretch = choose_stretch(rng, samples, len(speech), item.utt, noise.noise_id, short_noise)
        late = tail(speech, read_rir(item.rir)) if item.rir else None
        mixture = mix(speech, stretch, item.snr, 0, 0.0, item.utt, noise.noise_id, late)
        line |= {"id": f"{item.utt}__{noise.noise_id}__{item.snr:g}dB", "noise": noise.noise_id, "offset": offset}
        line |= {"rir": item.rir.rir_id, "rir_source": item.rir.path} if item.rir else {}
    line |= {"gain": mixture.gain, "noise_gain": mixture.noise_gain, "sha256": checksum(mixture.noisy)}
    return {**line, "clean_source": item.source, "noise_source": noise and noise.path}, mixture


def _differs(job: tuple[dict, str, bool]) -> str:
    line, stored, pipes = job
    same = checksum(rebuild(line, pipes)) == line["sha256"] == checksum(read_audio(stored, line["id"]))
    return "" if same else line["id"]


def _speech(job: tuple[str, str, bool]) -> np.ndarray:
    return check_speech(*job)


@lru_cache(maxsize=32)
def _noise_audio(path: str) -> np.ndarray:
    return read_audio(path)


def _state(data: DataDir) -> str:
    """Changes when a table of the data dir changes, or the size of a file that its wav.scp names."""
    tables = [sha256(data.folder / name) for name in sorted(data.tables)]
    return fingerprint([tables, _files([source.rsplit(":", 1)[0] for source in data["wav.scp"].values()])])


def _files(paths: list[str]) -> str:
    return fingerprint({path: Path(path).stat().st_size if Path(path).is_file() else None for path in paths})
