"""Models of the paper's size, from the YAML that a full recipe trains: two updates of each, then enhanced and decoded speech.

Only what the made-up corpus of these tests forces is overridden: the units of its texts (it has no 1,000 word pieces), the size of
batches and the number of updates.
"""

from pathlib import Path

import numpy as np
import pytest
import torch

from kdse.cli import main
from kdse.core.files import read_yaml
from kdse.data.audio import read_audio
from kdse.data.datadir import read_table

ROOT = Path(__file__).resolve().parents[2]
BACKEND = ROOT / "egs" / "librispeech_noisy" / "kd1" / "conf" / "asr" / "conformer.yaml"
STUDENT, TEACHER = ROOT / "conf" / "student" / "dccrn-full.yaml", ROOT / "conf" / "teacher" / "conformer-l.yaml"
SHORT = {"batch_bins": 32000, "num_workers": 0, "num_iters_per_epoch": 2, "max_epoch": 1, "keep_nbest_models": 1}


def base(path: Path) -> dict:
    return {"base": str(path), **SHORT}


@pytest.fixture(scope="module")
def exp(packs, train_asr, tokens) -> Path:
    """A folder with a backend of twelve blocks after two updates, and tokens of its latents."""
    out = packs.parent / "paper"
    assert train_asr(out / "asr", kdse_subwords={"vocab_size": 12, "model_type": "char"}, **base(BACKEND)) == 0
    words = ["--backend", out / "asr", "--dump", packs, "--config", packs.parent / "conf" / "tokens.yaml", "--out", out / "tokens"]
    assert main(["tokens", *map(str, words)]) == 0
    return out


@pytest.mark.parametrize("approach, path", [("standalone_se", TEACHER), ("kd", STUDENT)])
def test_two_updates_and_decoding(exp, train_se, watched, weights, packs, noisy_set, approach, path):
    """Every weight that may change does, by finite amounts; enhanced speech is as long as the noisy; each utterance has a line."""
    run = exp / f"{approach}_{path.stem}_seed0"
    with watched() as seen:
        assert train_se(run, approach, "--backend", exp / "asr", "--tokens", exp / "tokens", **base(path)) == 0
    assert [use for use, *_ in seen.batches].count("train") == 2
    made = weights(run)
    assert all(value.isfinite().all() for value in made.values())
    changed = [name for name, value in made.items() if not torch.equal(value, seen.start[f"enh_model.{name}"])]
    assert len(changed) > 0.9 * len(made)
    dump = ["--dump", noisy_set.parent, "--sets", noisy_set.name]
    assert main(["enhance-sets", *map(str, ["--run", run, *dump])]) == 0
    assert main(["decode", *map(str, ["--run", run, "--backend", exp / "asr", "--tokens", exp / "tokens", *dump])]) == 0
    noisy, enhanced = read_table(noisy_set / "wav.scp"), read_table(run / "enhanced" / noisy_set.name / "wav.scp")
    assert {utt: len(read_audio(path)) for utt, path in enhanced.items()} == {u: len(read_audio(p)) for u, p in noisy.items()}
    assert list(read_table(run / "decode" / "asr" / noisy_set.name / "text", empty=True)) == sorted(noisy)


def test_the_backend_has_twelve_blocks(exp):
    """Of 21 M parameters; its latents, which `kd` aims at, are of 256 dimensions."""
    from kdse.data.pack import LatentPack

    assert read_yaml(exp / "asr" / "config.yaml")["encoder_conf"]["num_blocks"] == 12
    state = torch.load(exp / "asr" / "model.pth", weights_only=True)
    assert sum(value.numel() for value in state.values()) == pytest.approx(21e6, rel=0.1)
    latents = LatentPack(exp / "tokens" / "latents_train").array()
    assert latents.shape[1] == 256 and np.isfinite(latents).all()
