"""Made-up score rows in a temporary recipe; none of them is ever committed as a result."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from kdse.scoring.metrics import SCORES
from kdse.scoring.row import write_rows

SNRS = (-5.0, 0.0, 5.0, 10.0)
HAS_REFERENCE = "only for recordings without a clean reference"


def made_up_rows(
    approach: str, seed: int = 0, student: str | None = None, params: int = 0, ease: float = 0.0, **options
) -> list[dict]:
    """Rows of one run: `utts` utterances of five words at four SNRs and clean; a larger `ease` makes fewer errors."""
    utts, corpus = options.get("utts", 60), options.get("corpus", "an4")
    sets = options.get("sets", ("dev_noisy", "test_noisy", "test_clean"))
    hard = np.random.default_rng(7).normal(0, 0.8, utts)  # the same for every system: what makes pairing worth while
    own = np.random.default_rng([seed, len(approach), utts])
    rows = []
    for set_name in sets:
        for u in range(utts):
            for snr in (None,) if set_name == "test_clean" else SNRS:
                p = 1 / (1 + np.exp(2.2 + ease - hard[u] + (0.15 * snr if snr is not None else 2.0)))
                words, chars = int(own.binomial(5, p)), int(own.binomial(20, 0.6 * p))
                level = 0 if snr is None else snr
                scores = {"pesq_wb": 1.6 + 0.05 * level + 0.2 * ease, "stoi": 0.8 + 0.01 * level, "si_sdr": level + 4 * ease}
                scores |= {
                    "pesq_nb": 2.0 + 0.05 * level,
                    "estoi": 0.7 + 0.01 * level,
                    "snr_out": level + 3 * ease,
                    "ssnr": 0.5 * level,
                }
                scores |= {"csig": 2.5 + ease / 2, "cbak": 2.0 + ease / 2, "covl": 2.2 + ease / 2, "wada_snr": float(level)}
                scores |= {"sdr": level + 2 * ease, "sir": level + 3 * ease + 3}
                scores |= {"sar": 12.0 - ease}
                scores["token_error_rate"] = 0.4 - 0.01 * level - 0.05 * ease
                row = dict.fromkeys(SCORES) | {k: round(v + 0.01 * float(own.normal()), 4) for k, v in scores.items()}
                missing = {m: HAS_REFERENCE for m in SCORES if row[m] is None}
                run = "_".join(filter(None, [approach, student, f"seed{seed}"]))
                rows.append(
                    {
                        "corpus": corpus,
                        "set": set_name,
                        "run": run,
                        "approach": approach,
                        "seed": seed,
                        "student": student,
                        "teacher": None,
                    }
                    | {"params": params, "backend": "mct_noisy_seed0", "decode": "ctc_greedy", "omega": 0.0}
                    | {"utt": f"an{u}-spk{u % 6}", "speaker": f"spk{u % 6}", "category": "babble", "snr": snr}
                    | {"noise": None if snr is None else "hum", "ref": "A B C D E", "hyp": "A"}
                    | {"word": [5, words, 0, 0], "char": [20, chars, 0, 0]}
                    | row
                    | {"missing": missing}
                )
    return rows


def commit_rows(recipe: Path, rows: list[dict]) -> None:
    """Write rows and the YAML beside them as `kdse score` does."""
    run = rows[0]["run"]
    write_rows(recipe / "results" / f"{run}.jsonl.gz", rows)
    scoring = {"command": f"kdse score --run exp/{run} --sets test_noisy", "commit": "abc1234", "versions": {"jiwer": "4.0.0"}}
    config = {"run": run, "command": f"kdse train --run exp/{run}", "commit": "def5678"}
    (recipe / "results" / f"{run}.yaml").write_text(yaml.safe_dump(config | {"scoring": scoring | {"normalisation": "upper case"}}))


@pytest.fixture
def experiments(recipe) -> Path:
    """The recipe with its rows where the stages write them, in exp/results, and none that are committed."""
    (recipe / "exp").mkdir()
    (recipe / "results").rename(recipe / "exp/results")
    return recipe


@pytest.fixture
def recipe(tmp_path) -> Path:
    """A recipe whose `kd` is clearly better than `standalone_se`; no spectral subtraction and no log-MMSE was run."""
    commit_rows(tmp_path, made_up_rows("mct_noisy"))
    commit_rows(tmp_path, made_up_rows("standalone_se", student="dccrn-s", params=198_402, ease=-0.2))
    commit_rows(tmp_path, made_up_rows("se_teacher", student="conformer", params=2_012_345, ease=0.5))
    commit_rows(tmp_path, made_up_rows("kd", student="dccrn-s", params=198_402, ease=1.2))
    return tmp_path


def write_scalars(folder: Path, scalars: dict[str, list[tuple[int, float]]]) -> None:
    """TensorBoard's log of a training, as ESPnet writes it: {tag: [(step, value)]}."""
    folder.mkdir(parents=True, exist_ok=True)
    writer = EventFileWriter(str(folder))
    for tag, points in scalars.items():
        for step, value in points:
            summary = Summary(value=[Summary.Value(tag=tag, simple_value=value)])
            writer.add_event(Event(step=step, wall_time=step, summary=summary))
    writer.close()


@pytest.fixture
def log():
    """The function that writes the log of a training."""
    return write_scalars


@pytest.fixture
def make_rows():
    """The function that makes up the rows of a run."""
    return made_up_rows


@pytest.fixture
def commit():
    """The function that writes rows into a recipe."""
    return commit_rows
