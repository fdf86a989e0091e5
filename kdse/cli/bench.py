"""`kdse bench`: what trainings, front ends, scoring and decoding cost on this machine, as ratios of one run."""

import argparse
import importlib
import sys
from pathlib import Path

from kdse.cli.options import add_model


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `kdse bench`."""
    kinds = parser.add_subparsers(dest="kind", metavar="|".join(KINDS), required=True)
    for kind, (text, description, add) in KINDS.items():
        add(kinds.add_parser(kind, help=text, description=description))


def run(args: argparse.Namespace) -> None:
    """Run the benchmark asked for and print its table."""
    options = {name: value for name, value in vars(args).items() if name not in ("verb", "kind")}
    importlib.import_module(f"kdse.bench.{args.kind}").run(**options)  # imports torch and ESPnet, which --help does without


def _train(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--backend", type=Path, default=Path("exp/asr_conformer"), help="trained by stage 3 (default: %(default)s)")
    parser.add_argument("--kd", type=Path, default=Path("exp/kd_bandcrn-m_seed0"), help="trained by stage 6 (default: %(default)s)")
    parser.add_argument(
        "--updates", type=int, default=200, help="timed updates of each, after a few that are not (default: %(default)s)"
    )


def _approaches(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--kd", type=Path, default=Path("exp/kd_bandcrn-m_seed0"), help="a kd run of stage 6 (default: %(default)s)"
    )
    parser.add_argument(
        "--se_teacher", type=Path, default=Path("exp/se_teacher_conformer"), help="of stage 4 (default: %(default)s)"
    )
    parser.add_argument("--data", type=Path, default=Path("data"), help="data dirs of stage 1 (default: data)")
    parser.add_argument("--updates", type=int, default=20, help="timed minibatches of each, after a few that are not (default: 20)")


def _cost(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--run", dest="folders", type=Path, nargs="+", required=True, metavar="DIR", help="trained front ends, of stages 4 and 6"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("exp/results/cost.jsonl"), help="a run's line is replaced (default: %(default)s)"
    )
    parser.add_argument("--repeats", type=int, default=100, help="timed enhancements of the utterance (default: %(default)s)")


def _score(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--set", dest="data", type=Path, default=Path("dump/test_noisy"), metavar="DIR", help="of stage 2 (default: %(default)s)"
    )
    parser.add_argument(
        "--run",
        dest="folder",
        type=Path,
        default=Path("exp/kd_bandcrn-m_seed0"),
        metavar="DIR",
        help="enhanced by stage 7 (default: %(default)s)",
    )
    parser.add_argument("--items", type=int, default=520, help="items to score (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=4.0, help="length of each, repeated or cut (default: %(default)s)")
    parser.add_argument("--nj", type=int, default=2, help="processes, one thread each (default: %(default)s)")


def _decode(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model", type=Path, default=Path("exp/asr_conformer"), metavar="DIR", help="of stage 3 (default: %(default)s)"
    )
    parser.add_argument(
        "--set", dest="data", type=Path, default=Path("dump/test_noisy"), metavar="DIR", help="of stage 2 (default: %(default)s)"
    )
    parser.add_argument("--config", type=Path, required=True, help="YAML of conf/decode")
    parser.add_argument("--items", type=int, help="the first utterances of the set (default: all)")
    parser.add_argument(
        "--blocks", type=int, default=4, help="the two take turns so many times, or once a batch (default: %(default)s)"
    )
    parser.add_argument("--nj", type=int, default=2, help="processes, one thread each (default: %(default)s)")


def _runtime(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model", nargs="+", metavar="NAME|PATH", help="packaged models, .onnx files or run folders (default: the packaged one)"
    )
    parser.add_argument(
        "--peers",
        type=Path,
        nargs="?",
        const=Path(sys.prefix) / "peers",
        metavar="DIR",
        help="other front ends too, from where tools/peers-requirements.txt is installed (default: %(const)s)",
    )
    parser.add_argument("--seconds", type=int, default=60, help="of noisy speech in a round (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="of all systems, in turn (default: %(default)s)")
    parser.add_argument("--data", type=Path, metavar="DIR", help="recordings (default: shared/data beside the checkout)")


def _doctor(parser: argparse.ArgumentParser) -> None:
    add_model(parser)
    parser.add_argument("--speech", type=Path, required=True, metavar="DIR", help="clean speech: FLAC at 16 kHz, mono")
    parser.add_argument("--noise", type=Path, required=True, metavar="DIR", help="noises of split dev, never test: FLAC likewise")
    parser.add_argument(
        "--each", type=int, default=4, metavar="N", help="mixtures of each noise at each SNR (default: %(default)s)"
    )


KINDS = {
    "train": (
        "seconds of audio a second, and peak memory, of each training",
        "How fast the trainings of a recipe are, loader and optimiser included, as ratios of one run.",
        _train,
    ),
    "approaches": (
        "seconds and peak memory of a minibatch of each approach",
        "What an update of each approach costs, beside one of standalone_se.",
        _approaches,
    ),
    "cost": (
        "size, MACs, time, memory and latency of front ends, on one core",
        "What a trained front end costs to run: size, operations, time and memory on one core, and latency.",
        _cost,
    ),
    "runtime": (
        "real-time factor, time of a frame and memory of exported students, on one core",
        "A student in kdse's own runtime, frame by frame on one core, beside other front ends.",
        _runtime,
    ),
    "doctor": (
        "error of the SNR that kdse doctor estimates, and the SNR from which enhancing does harm",
        "Speech and noise mixed at known SNRs: what kdse doctor estimates, and what a student gains.",
        _doctor,
    ),
    "score": ("items a second of scoring, beside ESPnet's", "Our scoring beside ESPnet's enh_scoring, on the same audio.", _score),
    "decode": (
        "utterances a second of decoding, beside ESPnet's",
        "Our recognition beside ESPnet's asr_inference, with the same model, beam and weights, in turn.",
        _decode,
    ),
}
"""{kind: (line of help, description, what adds its arguments)}; `kdse/bench/<kind>.py` has `run(**options)`."""
