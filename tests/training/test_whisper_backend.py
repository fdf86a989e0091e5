"""Stage 3 with Whisper: its files become a backend, once, whole or not at all."""

import numpy as np
import pytest

from kdse.cli import main
from kdse.core.errors import UserError
from kdse.core.files import read_yaml
from kdse.core.step import done_hash
from kdse.data.pack import Pack
from kdse.runs.backends import WHISPER_FILES, is_whisper
from kdse.training.hypotheses import check_lengths, write_hypotheses
from tests.whisper.tiny import arrays, write


@pytest.fixture
def model(tmp_path):
    """A folder with a tiny Whisper, and the YAML that names it."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    (folder / "model.bin").write_bytes(write(arrays()))
    for name in WHISPER_FILES[1:]:
        (folder / name).write_text("{}")
    return folder


def train(model, out, tmp_path, **options) -> int:
    config = tmp_path / "whisper.yaml"
    config.write_text(f"recogniser: whisper\nmodel: {model}\n")
    return main(["train", "asr", "--config", str(config), "--out", str(out), "--corpus", "tiny"])


def test_its_files_are_the_backend(model, tmp_path, capsys):
    out = tmp_path / "exp" / "asr_whisper"
    assert train(model, out, tmp_path) == 0
    assert is_whisper(out) and done_hash(out)
    assert all((out / name).read_bytes() == (model / name).read_bytes() for name in WHISPER_FILES)
    run = read_yaml(out / "run.yaml")
    assert run["params"] == sum(array.size for array in arrays().values()) and run["approach"] == "mct_noisy"
    capsys.readouterr()
    assert train(model, out, tmp_path) == 0 and "done before, skipped" in capsys.readouterr().out


@pytest.mark.parametrize("name", WHISPER_FILES)
def test_a_file_that_is_missing_is_named(model, tmp_path, capsys, name):
    (model / name).unlink()
    assert train(model, tmp_path / "asr_whisper", tmp_path) == 2
    assert name in capsys.readouterr().err and not (tmp_path / "asr_whisper").exists()


def test_weights_of_something_else_leave_nothing_behind(model, tmp_path, capsys):
    (model / "model.bin").write_bytes(b"x" * 1000)
    assert train(model, tmp_path / "asr_whisper", tmp_path) == 2
    assert "no Whisper model in CTranslate2's format" in capsys.readouterr().err
    assert not (tmp_path / "asr_whisper").exists()


def test_stage_5_writes_what_whisper_hears(packs, tmp_path):
    """With the real weights: a line for each utterance, ids that its tokenizer knows."""
    from kdse.recognisers.whisper import SHORT_WINDOWS, Whisper, WhisperOptions

    backend = tmp_path / "asr_whisper"
    config = tmp_path / "whisper.yaml"
    config.write_text("recogniser: whisper\nmodel: tiny.en\n")
    if main(["train", "asr", "--config", str(config), "--out", str(backend), "--corpus", "tiny"]):
        pytest.skip("the weights of Whisper tiny.en are not installed")
    pytest.importorskip("faster_whisper")
    write_hypotheses(backend, packs, tmp_path)
    lines = dict(line.split(" ", 1) for line in (tmp_path / "hypotheses_dev").read_text().splitlines())
    speech = Pack(packs / "pack" / "speech_dev")
    assert set(lines) == set(speech) and all(0 <= int(n) <= 50256 for line in lines.values() for n in line.split())
    try:
        alone = Whisper(WhisperOptions(model=str(backend), **SHORT_WINDOWS))
    except UserError as e:
        pytest.skip(str(e))
    [(ids, _)] = alone.token_ids([np.zeros(16000, np.float32)])
    assert all(token < alone.end for token in ids)


def test_other_weights_of_the_same_size_are_not_skipped(model, tmp_path, capsys):
    out = tmp_path / "exp" / "asr_whisper"
    assert train(model, out, tmp_path) == 0
    (model / "model.bin").write_bytes(write(arrays(seed=1)))
    capsys.readouterr()
    assert train(model, out, tmp_path) == 0 and "runs again, because adopted.sha256 changed" in capsys.readouterr().out
    assert (out / "model.bin").read_bytes() == (model / "model.bin").read_bytes()


def test_an_utterance_that_whisper_cannot_hear_at_once_is_named(tmp_path):
    for name, seconds in (("train", 2), ("dev", 29.5)):
        Pack.write(tmp_path / "pack" / f"speech_{name}", [(f"u_{name}", np.ones(int(seconds * 16000), np.int16))])
    with pytest.raises(UserError, match=r"29 s at most, and u_dev of dev has 29\.5 s"):
        check_lengths(tmp_path)
