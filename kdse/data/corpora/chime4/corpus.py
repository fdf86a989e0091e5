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
from kdse.data.corpora.options import path_or
from kdse.data.corpora.registry import find as find_corpus
from kdse.data.corpus import Listing, Utterance, write_corpus
from kdse.data.datadir import CLEAN, REAL, SIMU
from kdse.data.noise import Noise
from kdse.data.published import ALLOW_PARTIAL_HELP, Counts, Published

PUBLISHED = {
    "tr05_org": Counts(7138, 83),
    "tr05_simu": Counts(7138, 83),
    "tr05_real": Counts(1600, 4),
    "dt05_bth": Counts(410, 4),
    "dt05_simu": Counts(1640, 4),
    "dt05_real": Counts(1640, 4),
    "et05_bth": Counts(330, 4),
    "et05_simu": Counts(1320, 4),
    "et05_real": Counts(1320, 4),
}
"""Hours are compared with the corpus's own annotations: nobody published them to a hundredth."""
SETS = tuple(Path(name).name for name in find_corpus("chime4").data_dirs if name.startswith("sets/"))
"""Official sets, which are not mixed here; those of et05 are for tests. `bth` is what the clean speech of `simu` sounds like."""
BACKGROUNDS = 17
CHANNEL = "CH5"
"""Of training recordings and backgrounds, as in Kaldi's recipe; the track lists name those of dev and test."""
CATEGORY = {"org": CLEAN, "bth": CLEAN, "simu": SIMU, "real": REAL}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    folder = path_or("set CHIME4= (the corpus, with data/) and WSJ0= (its discs) in db.sh")
    parser.add_argument(
        "--chime4", type=folder, required=True, metavar="DIR", help="the corpus, with data/audio and data/annotations"
    )
    parser.add_argument("--wsj0", type=folder, required=True, metavar="DIR", help="the discs of WSJ0, with si_tr_s/*/*.dot")
    parser.add_argument("--allow_partial", action="store_true", help=ALLOW_PARTIAL_HELP)


def inputs(**options) -> dict:
    """What the data dirs depend on, for deciding whether to run again."""
    listing, _ = find(**options)
    return {**listing.fingerprints(), "allow_partial": options["allow_partial"]}


def prepare(data_dir: Path, nj: int, chime4: Path, wsj0: Path, allow_partial: bool) -> None:
    """Write data_dir/{train,dev}, data_dir/sets/{dt05,et05}_{bth,simu,real} and data_dir/noise.tsv, all of them or none.

    `train` holds WSJ0's recordings, which are mixed with backgrounds as they are read, and the simulated and real recordings of the
    training part, which pass as they are. `dev` holds the booth recordings of the dev part.
    """
    listing, published = find(chime4, wsj0, allow_partial)
    if allow_partial and len(listing.noises) != BACKGROUNDS:
        say(f"backgrounds of {chime4} is partial: {len(listing.noises)} recordings instead of {BACKGROUNDS}")
    references = "the booth recordings (there is no isolated_ext)"
    if _ext(chime4).is_dir():
        references = "isolated_ext (signals within the mixtures)"
    say(f"data chime4: clean references of simulated sets are {references}")
    write_corpus(data_dir, listing, nj, Published(published, str(chime4), allow_partial))


def find(chime4: Path, wsj0: Path, allow_partial: bool = False) -> tuple[Listing, dict[str, Counts]]:
    """List the utterances of each split and of each official set, and the backgrounds; and what each subset is to hold."""
    if not (chime4 / "data" / "annotations").is_dir():
        raise UserError(
            f"{chime4} is not CHiME-4 in its official layout: there is no {chime4 / 'data/annotations'}; set CHIME4 in db.sh"
        )
    annotations = {subset: read_annotations(chime4, subset) for subset in PUBLISHED if subset != "tr05_org"}
    annotations["tr05_org"] = annotations["tr05_simu"]  # the same utterances before they were mixed
    dots = read_dots(wsj0, {a.wsj_name.lower() for a in annotations["tr05_simu"]})
    utterances, published = {}, {}
    for subset, annotated in annotations.items():
        utterances[subset] = _utterances(chime4, subset, annotated, dots, allow_partial)
        hours = sum(a.seconds for a in annotated) / 3600
        published[subset] = replace(PUBLISHED[subset], hours=hours)
    splits = {
        "train": [*utterances["tr05_org"], *utterances["tr05_simu"], *utterances["tr05_real"]],
        "dev": [replace(u, subset=None) for u in utterances["dt05_bth"]],
    }
    backgrounds = find_backgrounds(chime4, allow_partial)
    return Listing(splits, backgrounds, {name: utterances[name] for name in SETS}), published


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
    utterances, missing = [], None
    for a in annotations:
        if paths[a.name].is_file():
            utterances.append(_utterance(chime4, subset, a, paths[a.name], dots))
        else:
            missing = missing or paths[a.name]
    if missing and not partial:
        raise UserError(
            f"{subset} of {chime4} holds {len(utterances):,} utterances instead of {len(annotations):,}: {missing} is missing; "
            "fetch what is missing, or give --allow_partial for a tree cut down on purpose"
        )
    if not utterances:
        raise UserError(f"{subset} of {chime4} holds no utterance: {missing} is missing, and so are all others")
    return utterances


def _utterance(chime4: Path, subset: str, a: Annotation, path: Path, dots: dict[str, str]) -> Utterance:
    part, kind = subset.split("_")
    place, booth = a.environment.lower(), f"{a.speaker}_{a.wsj_name}_BTH"
    utt = {"org": f"{a.speaker}_{a.wsj_name}_ORG", "bth": a.name}.get(kind, f"{a.name}_{kind.upper()}")
    if part == "tr05" and kind != "real":
        text = dots[a.wsj_name.lower()]
    else:
        text = read_transcript(chime4, f"{part}_bth" if kind == "bth" else f"{part}_{place}_{kind}", a.name)
    clean = orig = None
    if kind == "bth":
        clean = str(path)
    elif kind == "simu" and part != "tr05":
        clean = _reference(chime4, path, chime4 / AUDIO / "isolated" / f"{part}_bth" / f"{booth}.CH0.wav")
        orig = booth
    return Utterance(
        utt,
        a.speaker,
        str(path),
        words(text),
        subset=subset,
        category=CATEGORY[kind],
        clean=clean,
        noise=place if kind in ("simu", "real") else None,
        orig=orig,
    )


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
    by_place = {place: [path for path in paths if path.name.endswith(f"_{place}.{CHANNEL}.wav")] for place in ENVIRONMENTS}
    for place, recordings in by_place.items():
        if len(recordings) < 2:
            name = f"BGD_*_{place}.{CHANNEL}.wav"
            raise UserError(f"{folder} holds fewer than two recordings {name}, one for development and the others for training")
    if len(paths) != BACKGROUNDS and not allow_partial:
        raise UserError(
            f"backgrounds of {chime4} holds {len(paths)} recordings instead of {BACKGROUNDS}; fetch what is missing, or give "
            "--allow_partial for a tree cut down on purpose"
        )
    noises = []
    for place, recordings in by_place.items():
        for path in recordings:
            split = "dev" if path is recordings[-1] else "train"
            noises.append(Noise(path.name.removesuffix(f".{CHANNEL}.wav"), split, place.lower(), str(path.resolve())))
    return sorted(noises, key=lambda noise: noise.noise_id)
