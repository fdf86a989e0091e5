"""`kdse bench approaches`: what an update of each approach costs, beside one of `standalone_se`."""

import argparse
import json
from pathlib import Path

from kdse.core.config import read_config
from kdse.core.errors import UserError
from kdse.core.files import read_yaml

CONF = Path(__file__).resolve().parents[2] / "conf" / "approach"


def add_arguments(kinds) -> None:
    """Arguments of `kdse bench approaches`."""
    sub = kinds.add_parser("approaches", help="seconds and peak memory of a minibatch of each approach", description=__doc__)
    sub.add_argument("--kd", type=Path, default=Path("exp/kd_bandcrn-m_seed0"), help="a kd run of stage 6 (default: %(default)s)")
    sub.add_argument("--se_teacher", type=Path, default=Path("exp/se_teacher_conformer"), help="of stage 4 (default: %(default)s)")
    sub.add_argument("--data", type=Path, default=Path("data"), help="data dirs of stage 1 (default: data)")
    sub.add_argument("--updates", type=int, default=20, help="timed minibatches of each, after a few that are not (default: 20)")
    sub.add_argument("--case", help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> None:
    """Time every approach in a process of its own, one after another, and print the table."""
    from kdse.approaches import APPROACHES  # torch
    from kdse.bench.train import each

    if args.updates < 1:
        raise UserError(f"--updates must be 1 or more, not {args.updates}")
    for needed in (args.kd / "train.yaml", args.se_teacher / "enh" / "model.pth", args.data / "train" / "text"):
        if not needed.exists():
            raise UserError(f"there is no {needed}; run the recipe's stages 1 to 6 first, then this in the recipe's folder")
    if args.case:
        print(json.dumps(time_approach(args.case, args.kd, args.se_teacher, args.data, args.updates)))
        return
    given = ("--kd", args.kd, "--se_teacher", args.se_teacher, "--data", args.data, "--updates", args.updates)
    print(table(each(sorted(APPROACHES, key=lambda name: name != "standalone_se"), "approaches", *given)))


def table(found: dict[str, dict[str, float]]) -> str:
    """Seconds a minibatch and peak memory, as such and over those of `standalone_se`."""
    base = found["standalone_se"]
    lines = [f"{'approach':16} {'s/minibatch':>11} {'ratio':>6} {'peak MB':>8} {'ratio':>6}"]
    for name, f in found.items():
        step = f["seconds"] / f["updates"]
        ratio = step / (base["seconds"] / base["updates"])
        lines.append(f"{name:16} {step:11.3f} {ratio:6.2f} {f['memory']:8.0f} {f['memory'] / base['memory']:6.2f}")
    return "\n".join(lines)


def time_approach(name: str, kd: Path, se_teacher: Path, data: Path, updates: int) -> dict[str, float]:
    """Train with an approach as `kdse train se` would, with the configuration and the batches of a kd run.

    Returns: updates (minibatches, those of `joint_aso` served to both optimisers), seconds, the process's peak memory in MB.
    """
    import resource

    import torch

    from kdse import approaches
    from kdse.bench.train import batches_of, timed, trained
    from kdse.plugin.trainer import TASKS
    from kdse.training.train import twice

    config = read_yaml(kd / "train.yaml")
    options = {key: value for key, value in read_config(CONF / f"{name}.yaml").items() if key != "approach"}
    approach = approaches.build(name, options)
    config["kdse_conf"] |= {"approach": name, "approach_conf": options, "se_teacher": str(se_teacher)}
    sources = config["train_data_path_and_name_and_type"]
    sources = sources if approach.needs_teacher else sources[:1]
    config["train_data_path_and_name_and_type"] = [
        *sources,
        *([(str(data / "train" / "text"), "text", "text")] if approach.needs_text else []),
    ]
    task = TASKS["se" if approach.optimisers == 1 else "se_two_step"]
    args = argparse.Namespace(
        **{**vars(task.get_parser().parse_args([])), **config, **(twice(config) if approach.optimisers == 2 else {})}
    )
    torch.manual_seed(args.seed)
    model = task.build_model(args).train()
    optimisers = task.build_optimizers(args, model)

    servings = updates * approach.optimisers
    seconds, _ = timed(trained(model, optimisers, args.grad_clip), batches_of(task, args), servings)
    return {"updates": updates, "seconds": seconds, "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}
