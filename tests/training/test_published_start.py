"""A training may begin with GTCRN as its authors publish it: `kdse_conf: {init: GTCRN}`."""

from pathlib import Path

import pytest
import torch
import yaml

from kdse.cli import main
from kdse.core.files import sha256
from kdse.core.wheels import PEERS_FOLDER
from kdse.enhancers.peers.gtcrn import MODEL
from kdse.plugin.published import published_gtcrn

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def train(packs, yaml_file, short, tmp_path):
    """train(out) -> exit code of `kdse train se` with conf/student/gtcrn.yaml for a few updates."""
    config = yaml_file(tmp_path / "gtcrn.yaml", {"base": str(ROOT / "conf" / "student" / "gtcrn.yaml"), **short})

    def run(out: Path) -> int:
        words = ["--approach", "standalone_se", "--config", config, "--out", out, "--dump", packs, "--corpus", "tiny"]
        return main(["train", "se", *map(str, words)])

    return run


@pytest.mark.skipif(not (PEERS_FOLDER / MODEL).is_file(), reason="needs tools/peers-requirements.txt in .venv/peers")
def test_a_student_begins_as_published(train, tmp_path, watched):
    run = tmp_path / "standalone_se_gtcrn_seed0"
    with watched() as seen:
        assert train(run) == 0
    published = published_gtcrn(PEERS_FOLDER / MODEL)
    start = {name.removeprefix("enh_model.separator.net."): value for name, value in seen.start.items()}
    assert start.keys() == published.keys()
    for name, value in published.items():
        torch.testing.assert_close(start[name], value, rtol=0, atol=0)
    trained = torch.load(run / "enh" / "model.pth", weights_only=True)
    assert any(not torch.equal(trained[f"separator.net.{name}"], value) for name, value in published.items())
    assert yaml.safe_load((run / "run.yaml").read_text())["params"] == 23_089
    assert sha256(PEERS_FOLDER / MODEL) in (run / ".done").read_text()


def test_where_it_is_not_installed_the_command_is_named(train, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("kdse.training.plan_se.PEERS_FOLDER", tmp_path / "nothing")
    assert train(tmp_path / "run") == 2
    message = capsys.readouterr().err
    assert message.startswith("kdse train: GTCRN: not installed; install it: python -m pip install")
    assert "tools/peers-requirements.txt" in message and not (tmp_path / "run").exists()
