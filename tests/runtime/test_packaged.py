"""Models by name, by file and by run."""

import hashlib
import re
from pathlib import Path

import pytest

from kdse.core.errors import UserError
from kdse.runtime import packaged as module
from kdse.runtime.packaged import DEFAULT, EXPORTED, load_model, packaged

SHIPPED = packaged()


@pytest.fixture
def folder(tmp_path, students, monkeypatch) -> Path:
    """A folder of packaged models: `general`, and `small` that is another."""
    monkeypatch.setattr(module, "FOLDER", tmp_path / "models")
    module.FOLDER.mkdir()
    lines = []
    for name, kind in ((DEFAULT, "bandcrn"), ("small", "dccrn")):
        (module.FOLDER / f"{name}.onnx").write_bytes(students[kind].data)
        lines.append(f"{hashlib.sha256(students[kind].data).hexdigest()}  {name}.onnx\n")
    (module.FOLDER / "SHA256SUMS").write_text("".join(lines))
    monkeypatch.chdir(tmp_path)
    return module.FOLDER


def test_names(folder):
    assert packaged().keys() == {DEFAULT, "small"}
    assert load_model().path == folder / f"{DEFAULT}.onnx"
    assert load_model("small").metadata["window_type"] == "hann_sqrt"


def test_a_packaged_file_is_what_was_packaged(folder, students):
    """A file that is good, but not that one, is not loaded by the name; by its path it is."""
    (folder / "general.onnx").write_bytes(students["dccrn"].data)
    with pytest.raises(UserError, match=r"general\.onnx is not the file that was packaged: its checksum differs; install kdse"):
        load_model("general")
    assert load_model(folder / "general.onnx").hop == 256
    (folder / "general.onnx").unlink()
    with pytest.raises(UserError, match=r"^cannot read the model .*general\.onnx: No such file or directory$"):
        load_model("general")


def test_files_and_runs(folder, file, tmp_path):
    run = tmp_path / "exp/kd_seed0"
    (run / EXPORTED).parent.mkdir(parents=True)
    (run / EXPORTED).write_bytes(file.read_bytes())
    for name in (file, str(file), run, str(run), "exp/kd_seed0", "exp/kd_seed0/export/model.onnx"):
        assert load_model(name).rate == 16000


def test_a_run_that_was_not_exported(folder, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    with pytest.raises(UserError, match=f"^{run} holds no export/model.onnx; write it with: kdse export --run {run}$"):
        load_model(run)


UNKNOWN = {
    "generl": "there is no model 'generl' (did you mean 'general'?)",
    "smal": "there is no model 'smal' (did you mean 'small'?)",
    "whisper": "there is no model 'whisper'; packaged are: general, small",
    "none.onnx": "cannot read the model none.onnx: No such file or directory",
    "exp/none": "cannot read the model exp/none: No such file or directory",
}


@pytest.mark.parametrize("name, sentence", UNKNOWN.items())
def test_what_there_is_not(folder, name, sentence):
    with pytest.raises(UserError, match=f"^{re.escape(sentence)}$"):
        load_model(name)


def test_an_install_without_models(folder):
    (folder / "SHA256SUMS").unlink()
    with pytest.raises(UserError, match=r"^there is no model 'general'; packaged are: none$"):
        load_model("general")


@pytest.mark.skipif(not SHIPPED, reason="no model is packaged yet")
@pytest.mark.parametrize("name", SHIPPED)
def test_models_that_ship(name):
    """Each is what its checksum says, and at most 1 MB."""
    assert load_model(name).rate == 16000
    assert (module.FOLDER / f"{name}.onnx").stat().st_size <= 1e6
