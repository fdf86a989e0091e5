"""Published enhancers as SE teacher: the student hears the mixtures that they have heard, and learns what they made of them."""

from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from kdse.cli import main
from kdse.data.pack import Pack
from kdse.enhancers.peers import PEERS
from kdse.enhancers.peers.base import Peer
from kdse.enhancers.peers.signals import MeanOfPeers, delays
from kdse.plugin.model import DistillationModel

HOP = 160
KD_T = Path(__file__).resolve().parents[2] / "conf" / "approach" / "kd_t.yaml"


def peer(name: str, rate: int, hops: int, gain: float) -> Peer:
    """One that is some hops late, and multiplies by a gain."""

    def make(folder):
        waiting = [np.zeros(HOP, np.float32)] * hops

        def process(frame):
            waiting.append(frame * np.float32(gain))
            return waiting.pop(0)

        return process

    return Peer(name=name, package=name, licence="", rate=rate, files=("weights",), hop=HOP, make=make, parameters=7)


@pytest.fixture
def wheels(monkeypatch, tmp_path):
    """Two peers, 20 and 30 ms late, at 16 and 48 kHz, with gains of 0.2 and 0.6; and the YAML that names them."""
    folder = tmp_path / "peers"
    folder.mkdir()
    (folder / "weights").write_text("1")
    for each in (peer("Late", 16000, 2, 0.2), peer("Later", 48000, 9, 0.6)):
        monkeypatch.setitem(PEERS, each.name, each)
    monkeypatch.setattr("kdse.training.se_estimates.PEERS_FOLDER", folder)
    config = tmp_path / "wheels.yaml"
    config.write_text("enhancers: [Late, Later]\nepochs: 2\n")
    return config


@pytest.fixture
def make(packs, wheels, tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")

    def run(*options, config=wheels):
        words = ["--approach", "standalone_se", "--name", "se_teacher", "--config", config, "--out", tmp_path / "se_teacher_wheels"]
        return main(["train", "se", *map(str, [*words, "--dump", packs, "--corpus", "tiny", *options])])

    return run


def test_the_mean_is_aligned_to_the_sample(wheels, tmp_path):
    rng = np.random.default_rng(0)
    speech = [0.1 * np.repeat(rng.standard_normal(n), 8).astype(np.float32) for n in (500, 700)]
    late = delays(["Late", "Later"], np.concatenate(speech), tmp_path / "peers")
    assert late == (2 * HOP, 9 * HOP)
    for given, mean in zip(speech, MeanOfPeers(["Late", "Later"], late, tmp_path / "peers")(speech), strict=True):
        assert mean.shape == given.shape
        smooth = slice(400, -400)  # a change of rate rounds off the ends
        assert np.abs(mean - 0.4 * given)[smooth].mean() < 0.02 * np.abs(given).mean()


def test_a_student_hears_what_the_enhancers_heard(make, train_se, packs, backend, tokens, tmp_path, monkeypatch):
    assert make() == 0
    teacher = tmp_path / "se_teacher_wheels"
    assert [Pack(teacher / name).ids for name in ("train_1", "train_2", "dev_0")] == [
        Pack(packs / "pack" / f"speech_{name}").ids for name in ("train", "train", "dev")
    ]
    seen, forward = [], DistillationModel.forward

    def watched(self, speech_mix, speech_mix_lengths, speech_ref1, **rest):
        seen.append((self.training, speech_mix, rest["se_teacher"], speech_mix_lengths))
        return forward(self, speech_mix, speech_mix_lengths, speech_ref1, **rest)

    monkeypatch.setattr(DistillationModel, "forward", watched)
    options = ["--approach_config", KD_T, "--backend", backend, "--tokens", tokens, "--se_teacher", teacher, "--seed", "3"]
    assert train_se(tmp_path / "kd_t_tiny_seed3", "kd_t", *options, max_epoch=3, scheduler_conf={"total_steps": 6}) == 0
    assert {training for training, *_ in seen} == {True, False}
    for _, noisy, estimate, lengths in seen:
        for y, t, n in zip(noisy, estimate, lengths, strict=True):
            y, t = y[400 : n - 400].double(), t[400 : n - 400].double()
            assert torch.dot(y, t) / y.square().sum() == pytest.approx(0.4, abs=0.02)
            assert torch.dot(y, t) / y.norm() / t.norm() > 0.95
    heard = [float(noisy.abs().sum()) for training, noisy, *_ in seen if training]
    epoch = len(heard) // 3
    assert sorted(heard[:epoch]) != sorted(heard[epoch : 2 * epoch])
    assert sorted(heard[:epoch]) == pytest.approx(sorted(heard[2 * epoch :]), rel=1e-5)  # two mixtures, then the first again


def test_what_is_done_is_skipped_and_other_mixtures_are_refused(make, train_se, backend, tokens, tmp_path, capsys, snapshot):
    assert make() == 0
    teacher = tmp_path / "se_teacher_wheels"
    before = snapshot(teacher)
    assert make() == 0 and snapshot(teacher) == before
    mix = tmp_path / "mix.yaml"
    mix.write_text("train: {snr_low: 0}\n")
    options = ["--approach_config", KD_T, "--backend", backend, "--tokens", tokens, "--se_teacher", teacher, "--mix", mix]
    assert train_se(tmp_path / "kd_t_tiny_seed0", "kd_t", *options) == 2
    assert "was made from other mixtures" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("enhancers: [Lat]", "there is no enhancer 'Lat' (did you mean 'Late'?)"),
        ("enhancers: []", "give 'enhancers', a list of names, and 'epochs', 1 or more"),
        ("enhancers: [Late]\nepochs: 0", "give 'enhancers', a list of names, and 'epochs', 1 or more"),
        ("enhancers: [RNNoise 0.1]", "RNNoise 0.1: not installed; install it: python -m pip install"),
    ],
)
def test_wrong_options_are_one_sentence(make, wheels, tmp_path, capsys, text, message):
    config = tmp_path / "other.yaml"
    config.write_text(text + "\n")
    assert make(config=config) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "se_teacher_wheels").exists()


def test_the_teacher_itself_enhances_the_sets(make, noisy_set, tmp_path):
    from kdse.data.audio import read_audio
    from kdse.data.datadir import read_table

    assert make() == 0
    run = tmp_path / "se_teacher_wheels"
    assert main(["enhance-sets", "--run", str(run), "--dump", str(noisy_set.parent), "--sets", "tiny"]) == 0
    given, found = (read_table(folder / "wav.scp") for folder in (noisy_set, run / "enhanced" / "tiny"))
    for utt in given:
        x, y = (read_audio(table[utt], utt).astype(float)[400:-400] for table in (given, found))
        assert np.dot(x, y) / np.dot(x, x) == pytest.approx(0.4, abs=0.02)
    assert yaml.safe_load((run / "run.yaml").read_text())["params"] == 14
