"""CHiME-4, one-channel track (LDC2017S24, the data of CHiME-3), with the transcripts of WSJ0 (LDC93S6A).

Where each fact comes from:
- folders, channel suffixes, `.trn` and `.dot_all`, one channel of the training recordings (CH5): Kaldi egs/chime4/s5_1ch/local
  (real_noisy_ and simu_noisy_chime4_data_prep.sh) and ESPnet egs2/chime4/{asr1,enh1,enh_asr1}/local (bth_chime4_data_prep.sh,
  data.sh, whose `utt2category` knows CLEAN, SIMU and REAL);
- track lists, one path below isolated/ a line: ESPnet egs2/chime4/enh1/local/simu_ext_chime4_data_prep.sh;
- JSON fields, what simulated speech was made of, and isolated_ext/*.Clean.wav: CHiME3_simulate_data_patched_parallel.m there. The
  training part is made of tr05_org (WSJ0's own recordings) and of backgrounds/, dev and test of booth recordings (`*_bth`, CH0) and
  of what the real recordings hold beside speech; every item starts and ends with its clean recording;
- numbers of utterances and speakers: https://www.chimechallenge.org/challenges/chime3/data; 17 backgrounds: the card of the data
  set chimechallenge/chime3-background-noise; booth recordings: a simulated set has each of them in four environments.
"""

import argparse
from dataclasses import replace
from pathlib import Path

from kdse.core.errors import UserError
from kdse.core.progress import say
from kdse.data.corpora.chime4.tree import AUDIO, ENVIRONMENTS, Annotation, read_annotations, read_transcript, track_of
from kdse.data.corpora.chime4.wsj0 import read_dots, words
from kdse.data.corpora.registry import find as find_corpus
from kdse.data.corpus import Utterance, counts, state, write_corpus
from kdse.data.datadir import CLEAN, REAL, SIMU
from kdse.data.expected import ALLOW_PARTIAL_HELP, Expected, check_expected
from kdse.data.noise import Noise

EXPECTED = {
    "tr05_org": Expected(7138, 83),
    "tr05_simu": Expected(7138, 83),
    "tr05_real": Expected(1600, 4),
    "dt05_bth": Expected(410, 4),
    "dt05_simu": Expected(1640, 4),
    "dt05_real": Expected(1640, 4),
    "et05_bth": Expected(330, 4),
    "et05_simu": Expected(1320, 4),
    "et05_real": Expected(1320, 4),
}
"""Hours are compared with the corpus's own annotations: nobody published them to a hundredth."""
SETS = tuple(Path(name).name for name in find_corpus("chime4").data_dirs if name.startswith("sets/"))
"""Official sets, which are not mixed here; those of et05 are for tests. `bth` is what the clean speech of `simu` sounds like."""
BACKGROUNDS = 17
CHANNEL = "CH5"
"""Of training recordings and backgrounds, as in Kaldi's recipe; the track lists name those of dev and test."""
CATEGORY = {"org": CLEAN, "bth": CLEAN, "simu": SIMU, "real": REAL}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--chime4", type=_given, required=True, metavar="DIR", help="the corpus, with data/audio and data/annotations"
    )
    parser.add_argument("--wsj0", type=_given, required=True, metavar="DIR", help="the discs of WSJ0, with si_tr_s/*/*.dot")
    parser.add_argument("--allow_partial", action="store_true", help=ALLOW_PARTIAL_HELP)


def _given(text: str) -> Path:
    if not text:
        raise argparse.ArgumentTypeError("set CHIME4= (the corpus, with data/) and WSJ0= (its discs) in db.sh")
    return Path(text)


def inputs(**options) -> dict:
    """What the data dirs depend on, for deciding whether to run again."""
    splits, ready, noises, _ = find(**options)
    return {**state(splits, noises, ready), "allow_partial": options["allow_partial"]}


def prepare(data_dir: Path, nj: int, chime4: Path, wsj0: Path, allow_partial: bool) -> None:
    """Write data_dir/{train,dev}, data_dir/sets/{dt05,et05}_{bth,simu,real} and data_dir/noise.tsv, all of them or none.

    `train` holds WSJ0's recordings, to be mixed with backgrounds as they are read, and the simulated and real recordings of the
    training part, which pass as they are; `dev` the booth recordings of the dev part.
    """
    splits, ready, noises, expected = find(chime4, wsj0, allow_partial)

    def check(subset: str, found: Expected) -> None:
        check_expected(subset, found, expected[subset], str(chime4), allow_partial)

    if not allow_partial:  # before hours of audio are read
        for utterances in (splits["train"], *ready.values()):
            for subset, found in counts(utterances).items():
                check(subset, found)
    elif len(noises) != BACKGROUNDS:
        say(f"backgrounds of {chime4} is partial: {len(noises)} recordings instead of {BACKGROUNDS}")
    kind = (
        "isolated_ext (signals within the mixtures)" if _ext(chime4).is_dir() else "the booth recordings (there is no isolated_ext)"
    )
    say(f"data chime4: clean references of simulated sets are {kind}")
    write_corpus(data_dir, splits, noises, nj, check, ready)


def find(
    chime4: Path, wsj0: Path, allow_partial: bool = False
) -> tuple[dict[str, list[Utterance]], dict[str, list[Utterance]], list[Noise], dict[str, Expected]]:
    """List the utterances of each split, those of each official set, the backgrounds, and what each subset is to hold."""
    if not (chime4 / "data" / "annotations").is_dir():
        raise UserError(
            f"{chime4} is not CHiME-4 in its official layout: there is no {chime4 / 'data/annotations'}; set CHIME4 in db.sh"
        )
    noted = {name: read_annotations(chime4, name) for name in EXPECTED if name != "tr05_org"}
    noted["tr05_org"] = noted["tr05_simu"]  # the same utterances before they were mixed
    dots = read_dots(wsj0, {a.wsj_name.lower() for a in noted["tr05_simu"]})
    found = {name: _utterances(chime4, name, annotations, dots, allow_partial) for name, annotations in noted.items()}
    splits = {
        "train": [*found["tr05_org"], *found["tr05_simu"], *found["tr05_real"]],
        "dev": [replace(u, subset=None) for u in found["dt05_bth"]],
    }
    ready = {name: found[name] for name in SETS}
    hours = {name: sum(a.seconds for a in annotations) / 3600 for name, annotations in noted.items()}
    expected = {name: Expected(e.utterances, e.speakers, hours[name]) for name, e in EXPECTED.items()}
    return splits, ready, find_backgrounds(chime4, allow_partial), expected


def _utterances(chime4: Path, subset: str, annotations: list[Annotation], dots: dict[str, str], partial: bool) -> list[Utterance]:
    """The utterances of a subset whose audio is there.

    Raises: UserError where some is missing in a tree that was not cut down on purpose, where all is, and where a track list or a
        transcript does not fit.
    """
    part, kind = subset.split("_")
    if part == "tr05" or kind == "bth":
        paths = {a.name: _path(chime4, part, kind, a) for a in annotations}
    else:
        paths = track_of(chime4, subset, annotations)
    found = [_utterance(chime4, subset, a, paths[a.name], dots) for a in annotations if paths[a.name].is_file()]
    gone = next((paths[a.name] for a in annotations if not paths[a.name].is_file()), None)
    if gone and not partial:
        raise UserError(
            f"{subset} of {chime4} holds {len(found):,} utterances instead of {len(annotations):,}: {gone} is missing; fetch "
            "what is missing, or give --allow_partial for a tree cut down on purpose"
        )
    if not found:
        raise UserError(f"{subset} of {chime4} holds no utterance: {gone} is missing, and so are all others")
    return found


def _utterance(chime4: Path, subset: str, a: Annotation, path: Path, dots: dict[str, str]) -> Utterance:
    part, kind = subset.split("_")
    place, booth = a.environment.lower(), f"{a.speaker}_{a.wsj_name}_BTH"
    about = {"subset": subset, "category": CATEGORY[kind], "noise": place if kind in ("simu", "real") else None}
    if part == "tr05" and kind != "real":
        text = dots[a.wsj_name.lower()]
    else:
        text = read_transcript(chime4, f"{part}_bth" if kind == "bth" else f"{part}_{place}_{kind}", a.name)
    if kind == "bth":
        about["clean"] = str(path)
    elif kind == "simu" and part != "tr05":
        about |= {
            "clean": _reference(chime4, path, chime4 / AUDIO / "isolated" / f"{part}_bth" / f"{booth}.CH0.wav"),
            "orig": booth,
        }
    names = {"org": f"{a.speaker}_{a.wsj_name}_ORG", "bth": a.name}
    return Utterance(names.get(kind, f"{a.name}_{kind.upper()}"), a.speaker, str(path), words(text), **about)


def _path(chime4: Path, part: str, kind: str, a: Annotation) -> Path:
    isolated = chime4 / AUDIO / "isolated"
    if kind == "org":
        return isolated / f"{part}_org" / f"{a.speaker}_{a.wsj_name}_ORG.wav"
    if kind == "bth":
        return isolated / f"{part}_bth" / f"{a.name}.CH0.wav"
    return isolated / f"{part}_{a.environment.lower()}_{kind}" / f"{a.name}.{CHANNEL}.wav"


def _ext(chime4: Path) -> Path:
    return chime4 / AUDIO / "isolated_ext"


def _reference(chime4: Path, noisy: Path, booth: Path) -> str:
    """The clean signal of a simulated item: the one within the mixture where somebody made isolated_ext, else the booth's."""
    path = _ext(chime4) / noisy.parent.name / f"{noisy.stem}.Clean.wav" if _ext(chime4).is_dir() else booth
    if not path.is_file():
        raise UserError(f"the clean reference of {noisy.name} is missing: there is no {path}")
    return str(path)


def find_backgrounds(chime4: Path, allow_partial: bool) -> list[Noise]:
    """One channel of each recording of backgrounds/, BGD_DATE_NUMBER_ENVIRONMENT.CH5.wav: the last of each environment is for
    development, the others are for training. The official sets have noises of their own."""
    folder = chime4 / AUDIO / "backgrounds"
    paths = sorted(folder.glob(f"BGD_*.{CHANNEL}.wav"))
    by_place = {place: [p for p in paths if p.name.endswith(f"_{place}.{CHANNEL}.wav")] for place in ENVIRONMENTS}
    few = next((place for place, found in by_place.items() if len(found) < 2), None)
    if few:
        name = f"BGD_*_{few}.{CHANNEL}.wav"
        raise UserError(f"{folder} holds fewer than two recordings {name}, one for development and the others for training")
    if len(paths) != BACKGROUNDS and not allow_partial:
        raise UserError(
            f"backgrounds of {chime4} holds {len(paths)} recordings instead of {BACKGROUNDS}; fetch what is missing, or give "
            "--allow_partial for a tree cut down on purpose"
        )
    noises = []
    for place, found in by_place.items():
        for path in found:
            split = "dev" if path is found[-1] else "train"
            noises.append(Noise(path.name.removesuffix(f".{CHANNEL}.wav"), split, place.lower(), str(path.resolve())))
    return sorted(noises, key=lambda noise: noise.noise_id)
