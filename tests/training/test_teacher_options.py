"""Teachers that differ: Whisper and an ESPnet recogniser at once, each with its weight, its layers, and the words that it has."""

from pathlib import Path

import pytest

from kdse.core.files import read_yaml
from kdse.core.step import Step
from kdse.plugin.teacher import FrozenTeacher
from kdse.plugin.whisper_teacher import WhisperTeacher
from tests.training.test_two_teachers import first_epoch
from tests.whisper.tiny import arrays, write, write_stage_5

AUTO = "approach: kd_q\nlambda_e: 1\nlambda_d: 0\nlambda_q: 1\nsequence: auto\n"


@pytest.fixture(scope="module")
def whisper(packs, tmp_path_factory) -> tuple[Path, Path]:
    """A Whisper of two layers, and what stage 5 writes of it."""
    folder = tmp_path_factory.mktemp("exp")
    backend = folder / "asr_whisper"
    backend.mkdir()
    (backend / "model.bin").write_bytes(write(arrays()))
    Step(backend, {"adopted": "here"}, "tiny").finish()
    (folder / "tokens.yaml").write_text("clusters: 4\n")
    write_stage_5(backend, folder / "tokens", packs, folder / "tokens.yaml")
    return backend, folder / "tokens"


def entry(folders: tuple[Path, Path], **options) -> dict:
    return {"backend": str(folders[0]), "tokens": str(folders[1]), **options}


def data_of(run: Path) -> list[str]:
    return [name for _, name, _ in read_yaml(run / "train.yaml")["train_data_path_and_name_and_type"]]


def test_whisper_and_an_espnet_recogniser_teach_together(backend, tokens, whisper, train_se, weights, same, tmp_path, monkeypatch):
    """Whisper is asked for words and for layers, which are computed anew; the other one for CTC posteriors."""
    asked = {"decoder": 0, "ctc": 0}
    decode, posteriors = WhisperTeacher.decode, FrozenTeacher._posteriors

    def counted(name, function):
        return lambda *args: asked.update({name: asked[name] + 1}) or function(*args)

    monkeypatch.setattr(WhisperTeacher, "decode", counted("decoder", decode))
    monkeypatch.setattr(FrozenTeacher, "_posteriors", counted("ctc", posteriors))
    approach = tmp_path / "kd_q.yaml"
    approach.write_text(AUTO)
    found = []
    for weight in (0.5, 3.0):
        out = tmp_path / f"kd_q_{weight}"
        teachers = [entry((backend, tokens)), entry(whisper, weight=weight, layers=[1, 0])]
        assert train_se(out, "kd_q", "--approach_config", approach, kdse_conf={"teachers": teachers}) == 0
        assert data_of(out) == ["speech_ref1", "target", "target2_text"]
        assert read_yaml(out / "train.yaml")["kdse_conf"]["teachers"][1]["weight"] == weight
        found.append(weights(out))
    assert asked["decoder"] == asked["ctc"] > 0 and not same(*found)


def test_weights_are_shares(kd, backend, tokens, train_se, tmp_path):
    """The same teacher with two weights has the losses that it has once: they are a mean, whatever the weights sum to."""
    out = tmp_path / "kd_shares"
    teachers = [entry((backend, tokens), weight=weight) for weight in (0.2, 5.0)]
    assert train_se(out, "kd", kdse_conf={"teachers": teachers}) == 0
    assert first_epoch(out) == pytest.approx(first_epoch(kd[0]), rel=1e-2)


def test_layers_that_are_not_there_and_a_cache_that_moves(backend, tokens, train_se, tmp_path, capsys):
    """A layer that is missing is named before training; with `layers` nothing is cached, so positions may be jittered."""
    approach = tmp_path / "kd.yaml"
    approach.write_text("approach: kd\nposition_jitter: 0.2\n")
    words = ("--approach_config", approach)
    conf = {"teachers": [entry((backend, tokens), layers=[1, 7])]}
    assert train_se(tmp_path / "none", "kd", *words, kdse_conf=conf) == 2
    assert "layers [1, 7] are not all there" in capsys.readouterr().err
    conf = {"teachers": [entry((backend, tokens), layers=[2])]}
    assert train_se(tmp_path / "some", "kd", *words, kdse_conf=conf) == 0
    assert data_of(tmp_path / "some") == ["speech_ref1"]
    conf["teachers"] += [entry((backend, tokens))]
    assert train_se(tmp_path / "both", "kd", *words, kdse_conf=conf) == 2
    assert "position_jitter moves latents from where stage 5 cached them" in capsys.readouterr().err
