"""The kinds of backend: told by their folder, named by their YAML, and each there when it is asked for."""

from pathlib import Path

import pytest

from kdse.core.errors import UserError
from kdse.runs.backends import ESPNET, KINDS, found, kind_name, kind_of, maker


@pytest.mark.parametrize("name", KINDS)
def test_a_folder_tells_its_kind(name, tmp_path):
    (tmp_path / "config.yaml").write_text("{}")
    if KINDS[name].file:
        (tmp_path / KINDS[name].file).write_bytes(b"")
    assert kind_name(tmp_path) == name and kind_of(str(tmp_path)) is KINDS[name]


@pytest.mark.parametrize("name", KINDS)
def test_a_yaml_names_its_kind(name, tmp_path):
    config = tmp_path / "backend.yaml"
    config.write_text(f"recogniser: {name}\n")
    made_by = maker(config)
    assert (made_by is None) == (name == ESPNET) and callable(found(KINDS[name].teacher))
    config.write_text("encoder: conformer\n")
    assert maker(config) is None


def test_files_tell_kinds_apart():
    files = [kind.file for kind in KINDS.values() if kind.file]
    assert len(set(files)) == len(files) == len(KINDS) - 1


def test_every_config_of_the_repository_names_a_kind():
    paths = sorted((Path(__file__).resolve().parents[2] / "conf" / "asr").glob("*.yaml"))
    assert {path.stem for path in paths if maker(path)} == {"whisper", "ssl_encoder"} and len(paths) > 4


def test_an_unknown_kind_is_refused(tmp_path):
    config = tmp_path / "backend.yaml"
    config.write_text("recogniser: wisper\n")
    with pytest.raises(UserError, match=r"there is no backend 'wisper' \(did you mean 'whisper'\?\)"):
        maker(config)
