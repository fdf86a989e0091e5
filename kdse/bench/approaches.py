"""`kdse bench approaches`: what an update of each approach costs, beside one of `standalone_se`."""

from pathlib import Path

from kdse import approaches
from kdse.bench.harness import Case, check_positive, memory_mb
from kdse.bench.train import Measured, Training, measure_training
from kdse.core.config import read_config
from kdse.core.errors import UserError
from kdse.core.files import read_yaml
from kdse.plugin.trainer import TASKS
from kdse.training.schedule import twice

CONF = Path(__file__).resolve().parents[2] / "conf" / "approach"
BASE = "standalone_se"


def run(*, kd: Path, se_teacher: Path, data: Path, updates: int) -> None:
    """Time every approach in a process of its own, one after another, and print the table.

    Args:
        kd: a kd run of stage 6.
        se_teacher: of stage 4.
        data: data dirs of stage 1.
        updates: timed minibatches of each approach.
    """
    check_positive(updates=updates)
    for needed in (kd / "train.yaml", se_teacher / "enh" / "model.pth", data / "train" / "text"):
        if not needed.exists():
            raise UserError(f"there is no {needed}; run the recipe's stages 1 to 6 first, then this in the recipe's folder")
    measured = {}
    for name in (BASE, *(name for name in approaches.APPROACHES if name != BASE)):
        options = {"kd": kd, "se_teacher": se_teacher, "data": data, "updates": updates}
        measured[name] = measure_training(Case.of(name, "kdse.bench.approaches:time_approach", name=name, **options))
    print(table(measured))


def table(measured: dict[str, Measured]) -> str:
    """Seconds a minibatch and peak memory, as such and over those of `standalone_se`."""
    base = measured[BASE]
    lines = [f"{'approach':16} {'s/minibatch':>11} {'ratio':>6} {'peak MB':>8} {'ratio':>6}"]
    for name, m in measured.items():
        seconds = m["seconds"] / m["updates"]
        ratio = seconds / (base["seconds"] / base["updates"])
        lines.append(f"{name:16} {seconds:11.3f} {ratio:6.2f} {m['memory']:8.0f} {m['memory'] / base['memory']:6.2f}")
    return "\n".join(lines)


def time_approach(*, name: str, kd: Path | str, se_teacher: Path | str, data: Path | str, updates: int) -> Measured:
    """Train with an approach as `kdse train se` would, with the configuration and the batches of a kd run.

    Args:
        name: of the approach; the others as in `run`.

    Returns: updates (minibatches, those of `joint_aso` served to both optimisers), seconds, the process's peak memory in MB.
    """
    config = read_yaml(Path(kd) / "train.yaml")
    options = {key: value for key, value in read_config(CONF / f"{name}.yaml").items() if key != "approach"}
    approach = approaches.build(name, options)
    config["kdse_conf"] |= {"approach": name, "approach_conf": options, "se_teacher": str(se_teacher)}
    sources = config["train_data_path_and_name_and_type"]
    if not approach.needs_teacher:
        sources = sources[:1]  # the waveforms alone
    if approach.needs_text:
        sources = [*sources, (str(Path(data) / "train" / "text"), "text", "text")]
    config["train_data_path_and_name_and_type"] = sources
    if approach.optimisers == 2:
        config |= twice(config)
    training = Training(TASKS["se" if approach.optimisers == 1 else "se_two_step"], config)
    seconds, _ = training.timed(updates * approach.optimisers, training.update)
    return {"updates": updates, "seconds": seconds, "memory": memory_mb("VmHWM")}
