"""`kdse train asr` trains a backend (stage 3), `kdse train se` a front end (stages 4 and 6)."""

import argparse
from pathlib import Path

from kdse.approaches.options import TeacherEntry
from kdse.approaches.registry import APPROACHES
from kdse.core.progress import say
from kdse.runs import backends

KINDS = {"asr": "a backend on noisy speech (approach mct_noisy)", "se": "a front end by an approach"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `kdse train`."""
    kinds = parser.add_subparsers(dest="kind", metavar="asr|se", required=True)
    for kind, text in KINDS.items():
        sub = kinds.add_parser(kind, help=text, description=f"Train {text}.")
        _add_common(sub)
        if kind == "se":
            _add_front_end(sub)


def _add_common(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--config", type=Path, required=True, help="ESPnet YAML of the model and its training; may have a 'base:'")
    sub.add_argument("--out", type=Path, required=True, help="experiment folder; its name is the run's name")
    sub.add_argument("--dump", type=Path, default=Path("dump"), help="folder of stage 2 (default: dump)")
    sub.add_argument("--corpus", required=True, help="corpus name; enters the randomness of the mixtures")
    sub.add_argument("--mix", type=Path, help="YAML of mixing options (section 'train')")
    sub.add_argument("--seed", type=int, default=0, help="initialisation, order and mixtures (default: 0)")
    sub.add_argument("--ngpu", type=int, default=0, help="GPUs per node; 0 trains on the CPU (default)")
    sub.add_argument("--num_nodes", type=int, default=1, help="nodes; the command runs on each (default: 1)")
    sub.add_argument("--data", type=Path, default=Path("data"), help="data dirs of stage 1, for texts (default: data)")


def _add_front_end(sub: argparse.ArgumentParser) -> None:
    folders = {"type": Path, "nargs": 2, "metavar": ("BACKEND", "TOKENS"), "action": "append", "default": []}
    sub.add_argument("--approach", required=True, help=f"one of {', '.join(APPROACHES)}")
    sub.add_argument("--approach_config", type=Path, help="YAML of its options")
    sub.add_argument("--name", help="approach name in the tables, where it differs (se_teacher)")
    sub.add_argument("--backend", type=Path, help="folder of stage 3: the first teacher, or the backend that is trained too")
    sub.add_argument("--tokens", type=Path, help="folder of stage 5, of the first teacher")
    sub.add_argument("--teacher", **folders, help="a further teacher; repeat it for more")
    sub.add_argument("--second", **folders, help="old name of --teacher")
    sub.add_argument("--se_teacher", type=Path, help="folder of stage 4's large front end, for approaches that learn from it")


def run(args: argparse.Namespace) -> None:
    """Train, or resume, or skip."""
    # numpy and torch: not for a help text
    from kdse.training.plan import Request, carry_out
    from kdse.training.plan_asr import plan_asr
    from kdse.training.plan_se import FrontEndRequest, plan_se
    from kdse.training.se_estimates import is_wheels, make_estimates

    options = {name: value for name, value in vars(args).items() if name not in ("verb", "kind")}
    made_by = backends.maker(args.config) if args.kind == "asr" else None
    if made_by:
        made_by(args.config, args.out, args.corpus)
        return
    if args.kind == "asr":
        carry_out(plan_asr(Request(**options)))
        return
    further, second = options.pop("teacher"), options.pop("second")
    if second:
        say("--second is now called --teacher")
    if is_wheels(args.config):
        make_estimates(Request(**{name: value for name, value in options.items() if name in Request.__dataclass_fields__}))
        return
    teachers = tuple(TeacherEntry(str(backend), str(tokens)) for backend, tokens in further + second)
    carry_out(plan_se(FrontEndRequest(**{**options, "teachers": teachers})))
