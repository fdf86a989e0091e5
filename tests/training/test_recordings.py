"""Recordings that are noisy already: they pass a front end without a reconstruction loss, and only where texts are learned from."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from kdse.approaches import APPROACHES, build, find, kind
from kdse.approaches.context import BatchContext
from kdse.cli import main
from kdse.core.config import read_config
from kdse.core.files import read_yaml
from kdse.data.pack import LatentPack, Pack
from kdse.plugin.model import DistillationModel
from kdse.plugin.preprocess import MixOptions, MixPreprocessor
from kdse.plugin.teacher import FrozenTeacher

CONF = Path(__file__).resolve().parents[2] / "conf" / "approach"
OF_TEXTS = [name for name in APPROACHES if kind(name).needs_text]
REAL = ("u1", "u4")


@pytest.fixture(scope="module")
def dump(packs, tmp_path_factory) -> Path:
    """The shared dump folder, but that two of the six training utterances are recordings."""
    folder = tmp_path_factory.mktemp("recordings") / "dump"
    shutil.copytree(packs, folder)
    speech = Pack(packs / "pack" / "speech_train")
    Pack.write(folder / "pack" / "speech_train", list(speech.items()), REAL)
    return folder


@pytest.fixture(scope="module")
def trained(dump, packs, student_yaml, backend):
    """trained(approach) -> the folder of its finished run on the dump with recordings."""

    def train(name: str) -> Path:
        out = dump.parent / "exp" / f"{name}_tiny_seed0"
        words = [
            "--approach",
            name,
            "--approach_config",
            CONF / f"{name}.yaml",
            "--config",
            student_yaml,
            "--out",
            out,
            "--dump",
            dump,
        ]
        words += ["--corpus", "tiny", "--backend", backend, "--data", packs.parent / "data"]
        assert main(["train", "se", *map(str, words)]) == 0
        return out

    return train


def preprocessor(dump: Path, recordings: bool = True, **mix) -> MixPreprocessor:
    pack = dump / "pack"
    options = MixOptions("tiny", str(pack / "noise_train"), str(pack / "noise_dev"), mix)
    if recordings:
        options = MixOptions(**{**vars(options), "recordings": str(pack / "speech_train")})
    return MixPreprocessor(True, options)


def test_a_pack_knows_its_recordings(dump, packs):
    speech = Pack(dump / "pack" / "speech_train")
    assert speech.recordings == {*REAL} and speech.clean == ("u0", "u2", "u3", "u5") and len(speech) == 6
    assert not Pack(packs / "pack" / "speech_train").recordings


def test_recordings_pass_as_they_are(dump):
    speech = Pack(dump / "pack" / "speech_train")
    process = preprocessor(dump, clean_prob=0.0, gain_low_db=0.0, gain_high_db=0.0)
    for utt in speech:
        item = process(utt, {"speech_ref1": speech[utt]})
        noisy = np.rint(item["speech_mix"] * 32768).astype(np.int16)
        assert np.array_equal(noisy, speech[utt]) == (utt in REAL), utt
        assert item["referenced"].tolist() == [utt not in REAL]


def test_recordings_have_any_level(dump):
    speech = Pack(dump / "pack" / "speech_train")
    found = preprocessor(dump)("u1", {"speech": speech["u1"]})["speech"]
    ratio = found @ speech["u1"] / (speech["u1"].astype(np.float64) @ speech["u1"]) * 32768
    assert ratio != pytest.approx(1, abs=0.01) and np.corrcoef(found, speech["u1"])[0, 1] > 0.9999


def test_without_recordings_nothing_is_added(dump):
    speech = Pack(dump / "pack" / "speech_train")
    assert preprocessor(dump, recordings=False)("u0", {"speech_ref1": speech["u0"]}).keys() == {"speech_mix", "speech_ref1"}


@pytest.mark.parametrize("name, used", [("standalone_se", 4), ("joint_straight", 6)])
def test_who_learns_from_texts_hears_them(trained, dump, name, used):
    run = trained(name)
    assert len((run / "train_shape").read_text().splitlines()) == used and read_yaml(run / "run.yaml")["approach"] == name
    assert read_yaml(run / "train.yaml")["mix_conf"]["recordings"] == str(dump / "pack" / "speech_train")


def test_tokens_are_those_of_clean_speech(dump, backend):
    out = dump.parent / "exp" / "tokens"
    (dump.parent / "tokens.yaml").write_text("{layer: 1, clusters: 4}")
    words = ["--backend", backend, "--dump", dump, "--config", dump.parent / "tokens.yaml", "--out", out]
    assert main(["tokens", *map(str, words)]) == 0
    assert LatentPack(out / "latents_train").ids == ("u0", "u2", "u3", "u5")


class Filter(torch.nn.Module):
    """Five taps in the place of ESPnet's enhancement model."""

    normalize_variance = False

    def __init__(self):
        super().__init__()
        torch.manual_seed(1)
        self.filter = torch.nn.Conv1d(1, 1, 5, padding=2)

    def forward_enhance(self, wave, lengths, additional):
        return [self.filter(wave[:, None])[:, 0]], None, None


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    noisy, noise = (0.1 * torch.randn(3, 8000, generator=generator) for _ in range(2))
    text, counts = torch.tensor([[2, 3], [3, -1], [2, -1]]), torch.tensor([2, 1, 1])
    given = {"speech_mix": noisy, "speech_mix_lengths": torch.tensor([8000, 7000, 8000]), "speech_ref1": 0.7 * noisy + 0.1 * noise}
    return given | {"text": text, "text_lengths": counts}


def model_of(name: str, recogniser) -> DistillationModel:
    options = read_config(CONF / f"{name}.yaml")
    options.pop("approach")
    approach = build(name, options)
    trains = find(name).trains
    if "backend" in trains:
        return DistillationModel(Filter(), approach, trains=trains, asr_model=recogniser)
    return DistillationModel(Filter(), approach, trains=trains, teachers=[FrozenTeacher(recogniser)])


@pytest.fixture
def recogniser(asr_model):
    return asr_model("conformer", rel_pos_type="latest", dropout_rate=0.0, positional_dropout_rate=0.0, attention_dropout_rate=0.0)


def losses(model, batch, **more) -> dict:
    found = model(**{key: value.clone() for key, value in (batch | more).items()})
    return found["stats"] if isinstance(found, dict) else found[1]


@pytest.mark.parametrize("name", OF_TEXTS)
def test_no_loss_sees_the_place_holder(recogniser, batch, name):
    """L_r (and L_f of joint_aso_aux) are those of the other utterances; L_ASR is that of all."""
    model, referenced = model_of(name, recogniser).eval(), torch.tensor([[1.0], [0.0], [1.0]])
    steps = ({"optimiser": 0}, {"optimiser": 1}) if model.approach.optimisers == 2 else ({},)
    for step in ({key: torch.tensor(value) for key, value in s.items()} for s in steps):
        found = losses(model, batch, referenced=referenced, **step)
        other = batch["speech_ref1"].clone()
        other[1] = 0.3 * torch.randn(8000)
        assert found == losses(model, batch, referenced=referenced, speech_ref1=other, **step)
        whole = losses(model, batch, **step)
        rest = losses(model, {key: value[[0, 2]] for key, value in batch.items()}, **step)
        assert found["l_r"] != whole["l_r"] and torch.isclose(found["l_r"], rest["l_r"])
        assert found.get("l_asr") == whole.get("l_asr") and (
            "l_f" not in found or torch.isclose(found["l_f"], rest["l_f"], rtol=1e-4)
        )


def test_the_gradient_of_l_r_does_not_reach_a_recording(batch):
    enhanced = batch["speech_mix"].clone().requires_grad_()
    context = BatchContext(has_reference=torch.tensor([True, False, True]))
    build("standalone_se", {})(enhanced, batch["speech_ref1"], batch["speech_mix_lengths"], context)["l_r"][1].backward()
    assert [bool(g.any()) for g in enhanced.grad] == [True, False, True]


@pytest.mark.parametrize("name", OF_TEXTS)
def test_a_batch_of_recordings_alone_still_trains(recogniser, batch, name):
    """By L_ASR, unless the step has none of it; no gradient is NaN."""
    model = model_of(name, recogniser).train()
    found = model(**batch, referenced=torch.zeros(3, 1), **({"optimiser": 1} if model.approach.optimisers == 2 else {}))
    loss = found["loss"] if isinstance(found, dict) else found[0]
    loss.backward()
    grads = [p.grad for p in model.parameters() if p.requires_grad and p.grad is not None]
    assert grads and all(torch.isfinite(g).all() for g in grads) and any(g.any() for g in grads)
