"""What a corpus of any size costs: a simulated LibriSpeech through stages 1, 2, 9 and 10, with seconds and peak memory of each.

    python tests/growth/simulate.py --utterances 300000 --folder /a/large/disk

Names, speakers, chapters and transcripts are made up at the density of LibriSpeech's 960 hours (281,241 utterances of 2,338
speakers in 5,466 chapters); audio is a few files of half a second, hard-linked under every name, so that stage 1 reads every
utterance and stage 2 writes 16 kB of each into its pack (4.8 GB for 300,000). Held-out sets are small: they do not grow with the
training speech. Stages 9 and 10 see one score row for each utterance, in six runs over one set; hypotheses are transcripts with
errors. The quality of an item is drawn, not computed: that takes tenths of a second, keeps nothing, and returns as much.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WORDS = "THE OF AND TO IN HE THAT WAS IT HIS WITH HAD NOT UPON LITTLE MOUNTAIN BEFORE WINDOW THOUSAND CERTAINLY QUESTION".split()
HELD_OUT = ("dev-clean", "dev-other", "test-clean", "test-other")
RUNS = (
    ("mct_noisy", None, 0),
    ("se_teacher", "conformer", 0),
    ("standalone_se", "bandcrn-m", 0),
    ("standalone_se", "bandcrn-m", 1),
    ("kd", "bandcrn-m", 0),
    ("kd", "bandcrn-m", 1),
)
SET = "test-clean_noisy"


def main() -> None:
    """Make the corpus in a temporary folder, run the stages, print a line for each, remove the folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--utterances", type=int, default=3000, help="of training speech, and score rows (default: %(default)s)")
    parser.add_argument("--held_out", type=int, default=50, help="utterances of each dev and test subset (default: %(default)s)")
    parser.add_argument("--stages", type=int, nargs="+", choices=(1, 2, 9, 10), default=[1, 2, 9, 10])
    parser.add_argument("--folder", type=Path, help="where the temporary folder is made (default: the system's)")
    parser.add_argument("--nj", type=int, default=1, help="processes (default: %(default)s)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="growth-", dir=args.folder) as name:
        folder = Path(name)
        if 1 in args.stages:
            make_corpus(folder, args.utterances, args.held_out)
        if 9 in args.stages:
            make_runs(folder, args.utterances // len(RUNS))
        nj, me = ("--nj", args.nj), Path(__file__).resolve()
        corpus = ("--librispeech", "LibriSpeech", "--noise", "noise", "--allow_partial")
        runs = [f"exp/{path.name}" for path in sorted((folder / "exp").glob("*"))]
        commands = {
            1: ("-m", "kdse.cli", "data", "librispeech", *corpus, *nj),
            2: ("-m", "kdse.cli", "mix", *nj),
            9: (me, "score", "--run", *runs, "--backend", "asr_conformer", "--sets", SET, "--dump", "scored", *nj),
            10: ("-m", "kdse.cli", "report", "--recipe", "."),
        }
        print("stage utterances seconds cpu_seconds peak_MB written_MB", flush=True)
        for stage in sorted(args.stages):
            before = written(folder)
            seconds, busy, peak = measured(folder, commands[stage])
            print(f"{stage} {args.utterances} {seconds:.1f} {busy:.1f} {peak:.1f} {written(folder) - before:.1f}", flush=True)


def measured(folder: Path, words: tuple) -> tuple[float, float, float]:
    """Run Python with these words in a folder; return seconds, processor seconds, peak resident MB of its largest process."""
    started = time.monotonic()
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    with open(folder / "log", "w", encoding="utf-8") as log:
        child = subprocess.Popen([sys.executable, *map(str, words)], cwd=folder, env=environment, stdout=log, stderr=log)
        _, status, used = os.wait4(child.pid, 0)
    if status:
        sys.exit((folder / "log").read_text(encoding="utf-8"))
    return time.monotonic() - started, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def written(folder: Path) -> float:
    """MB in the files of a folder; hard links count once."""
    sizes = {}
    for top, _, names in os.walk(folder):
        if "LibriSpeech" not in top:
            for name in names:
                status = os.lstat(Path(top, name))
                sizes[status.st_ino] = status.st_size
    return sum(sizes.values()) / 1e6


def sentence(number: int) -> str:
    """A transcript of 33 words in the mean."""
    rng = random.Random(number)
    return " ".join(rng.choices(WORDS, k=rng.randint(11, 55)))


def utterances(count: int, speaker: int) -> Iterator[tuple[str, str, str]]:
    """(speaker, chapter, utterance id): 50 in a chapter, 100 of a speaker; speakers are numbered from `speaker`."""
    for i in range(count):
        who, chapter = str(speaker + i // 100), str(120000 + i // 50)
        yield who, chapter, f"{who}-{chapter}-{i % 50:04d}"


def make_corpus(folder: Path, count: int, held_out: int) -> None:
    """LibriSpeech/SUBSET/SPEAKER/CHAPTER/*.flac with transcripts, and noise/{train,dev,test}/*.wav."""
    import numpy as np
    import soundfile

    rng = np.random.default_rng(0)
    (folder / "audio").mkdir()
    shared = []
    for i in range(16 + count // 20_000):  # ext4 takes 65,000 links to a file
        shared.append(folder / "audio" / f"{i}.flac")
        soundfile.write(shared[-1], rng.normal(0, 0.05, 8000) * np.sin(np.arange(8000) / 1200) ** 2, 16000, subtype="PCM_16")
    for i, (subset, size) in enumerate({"train-clean-100": count, **dict.fromkeys(HELD_OUT, held_out)}.items()):
        lines: dict[Path, list[str]] = {}
        for number, (speaker, chapter, utt) in enumerate(utterances(size, 10_000 * (i + 1))):
            home = folder / "LibriSpeech" / subset / speaker / chapter
            if home not in lines:
                home.mkdir(parents=True)
            os.link(shared[number % len(shared)], home / f"{utt}.flac")
            lines.setdefault(home, []).append(f"{utt} {sentence(number)}\n")
        for home, transcripts in lines.items():
            (home / f"{home.parent.name}-{home.name}.trans.txt").write_text("".join(transcripts), encoding="utf-8")
    for split in ("train", "dev", "test"):
        (folder / "noise" / split).mkdir(parents=True)
        for i in range(4):
            soundfile.write(folder / "noise" / split / f"{split}{i}.wav", rng.normal(0, 0.1, 32000), 16000, subtype="PCM_16")


def make_runs(folder: Path, count: int) -> None:
    """dump/SET with `count` items, and of each of RUNS what stages 6 to 8 leave: run.yaml, enhanced audio's table, hypotheses."""
    from kdse.data.datadir import write_datadir
    from kdse.runs.record import write_run

    items = [
        (speaker, utt, f"{utt}__noise{i % 40}__{(-5, 0, 5)[i % 3]}dB")
        for i, (speaker, _, utt) in enumerate(utterances(count, 1000))
    ]
    keys = [key for _, _, key in items]
    audio = {key: str(folder / "scored" / SET / f"wav.ark:{60_000 * i}") for i, key in enumerate(keys)}
    tables = {"wav.scp": audio, "spk1.scp": audio, "text": {key: sentence(i) for i, key in enumerate(keys)}}
    tables |= {"utt2spk": {key: speaker for speaker, _, key in items}, "utt2orig": {key: utt for _, utt, key in items}}
    tables |= {"utt2noise": {key: key.split("__")[1] for key in keys}, "utt2snr": {key: key.split("__")[2][:-2] for key in keys}}
    tables |= {"utt2category": {key: f"unseen:noise{i % 40}" for i, key in enumerate(keys)}}
    write_datadir(folder / "scored" / SET, tables)
    for number, (approach, student, seed) in enumerate(RUNS):
        home = folder / "exp" / "_".join(filter(None, (approach, student, f"seed{seed}")))
        params = 0 if student is None else 190_785 if student == "bandcrn-m" else 2_160_097
        about = {"corpus": "librispeech", "approach": approach, "seed": seed, "student": student, "params": params}
        write_run(home, {}, **about, backend="asr_conformer")
        made = home / "decode" / "asr_conformer" / SET
        for path in (made, home / "enhanced" / SET):
            path.mkdir(parents=True)
        if student:
            (home / "enhanced" / SET / "wav.scp").write_text("".join(f"{key} {audio[key]}\n" for key in keys), encoding="utf-8")
        else:
            (home / "enhanced" / SET).rmdir()
        rng = random.Random(number)
        share = 0.3 - 0.03 * number  # of words that are recognised wrongly
        hypotheses = (" ".join(w if rng.random() > share else "UM" for w in tables["text"][key].split()) for key in keys)
        (made / "text").write_text(
            "".join(f"{key} {words}\n" for key, words in zip(keys, hypotheses, strict=True)), encoding="utf-8"
        )
        (made / "token_error_rate").write_text("".join(f"{key} {rng.random():.4f}\n" for key in keys), encoding="utf-8")


def drawn_quality(work: tuple) -> tuple[str, list]:
    """As `kdse.scoring.quality_cache._quality_of_item`, but drawn."""
    from kdse.scoring.metrics import FROM_AUDIO

    key, *_, omegas = work
    rng = random.Random(key)
    return key, [({name: round(rng.uniform(0, 5), 4) for name in FROM_AUDIO}, {}) for _ in omegas]


def score() -> int:
    """`kdse score` with drawn quality."""
    import kdse.cli
    import kdse.scoring.quality_cache

    kdse.scoring.quality_cache._quality_of_item = drawn_quality
    return kdse.cli.main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(score() if sys.argv[1:2] == ["score"] else main())
