"""A student among those that come with kdse: its file, checksum and card; and what is refused."""

import hashlib
from pathlib import Path

import pytest

from kdse.core.errors import UserError
from kdse.export.package import package
from kdse.nets.bandcrn import BandCRN
from kdse.runtime import packaged as places
from kdse.runtime.packaged import FOLDER, load_model, packaged

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "egs/an4_noisy/kd1/results"
RUN = "kd_bandcrn-m_seed0"
"""A run with committed score rows."""


@pytest.fixture
def exported_run(tmp_path, exported) -> Path:
    """A run's folder with a student in it."""
    folder = tmp_path / RUN
    (folder / "export").mkdir(parents=True)
    (folder / "export/model.onnx").write_bytes(exported(BandCRN(257, (3, 4), 6, bands=16).eval(), name=RUN, approach="kd"))
    return folder


def test_file_checksum_and_card(exported_run, tmp_path, monkeypatch, capsys):
    home = tmp_path / "models"
    home.mkdir()
    package(exported_run, "mine", [RESULTS], home)
    data = (home / "mine.onnx").read_bytes()
    assert data == (exported_run / "export/model.onnx").read_bytes()
    assert (home / "SHA256SUMS").read_text() == f"{hashlib.sha256(data).hexdigest()}  mine.onnx\n"
    card = (home / "mine.md").read_text()
    assert "| approach | kd |" in card and "| this model | asr_conformer | ctc_greedy | test_noisy | " in card
    monkeypatch.setattr(places, "FOLDER", home)
    assert list(packaged()) == ["mine"] and load_model("mine").metadata["name"] == RUN
    (home / "mine.onnx").write_bytes(data[:-1] + b"x")
    with pytest.raises(UserError, match=r"mine\.onnx is not the file that was packaged: its checksum differs"):
        load_model("mine")


def test_what_a_card_says_beside_facts_and_scores_stays(exported_run, tmp_path):
    package(exported_run, "mine", [RESULTS], tmp_path)
    card = tmp_path / "mine.md"
    card.write_text(card.read_text().replace("## Scores", "By hand.\n\n## Scores").replace("| approach | kd |", "| approach | x |"))
    package(exported_run, "mine", [RESULTS], tmp_path)
    assert card.read_text().count("By hand.") == 1 and "| approach | kd |" in card.read_text()
    card.write_text("# mine\n")
    with pytest.raises(UserError, match=r"mine\.md has no line <!-- facts -->, after which its facts are written"):
        package(exported_run, "mine", [RESULTS], tmp_path)
    assert card.read_text() == "# mine\n"


def test_what_is_refused(exported_run, tmp_path, monkeypatch):
    for name, said in (("../x", "not '../x'"), ("Kd", "not 'Kd'"), ("", "not ''")):
        with pytest.raises(UserError, match=said):
            package(exported_run, name, [RESULTS], tmp_path / "home")
    with pytest.raises(UserError, match=f"there are no score rows of {RUN} in {tmp_path}; run stages 7 to 9 first"):
        package(exported_run, "mine", [RESULTS, tmp_path], tmp_path / "home")
    with pytest.raises(UserError, match=r"has [\d,]+ bytes; a packaged model has at most 1,000"):
        monkeypatch.setattr("kdse.export.package.LARGEST", 1000)
        package(exported_run, "mine", [RESULTS], tmp_path / "home")
    with pytest.raises(UserError, match=r"holds no export/model\.onnx; export it first"):
        package(tmp_path, "mine", [RESULTS], tmp_path / "home")
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("name", packaged() or [pytest.param("", marks=pytest.mark.skip(reason="no model is packaged"))])
def test_packaged_models(name):
    """What comes with kdse: at most 1 MB, its checksum, a card with data, licences, scores and what it is not for."""
    assert load_model(name).metadata["sample_rate"] == "16000"
    assert (FOLDER / f"{name}.onnx").stat().st_size <= 1_000_000
    card = (FOLDER / f"{name}.md").read_text(encoding="utf-8")
    for head in ("## What it was trained on", "## Scores", "## What it must not be used for", "## Licence"):
        assert head in card
    assert "licence" in card and "| trained_at_commit | " in card and "[" in card.partition("<!-- scores -->")[2]


@pytest.mark.parametrize("name", packaged() or [pytest.param("", marks=pytest.mark.skip(reason="no model is packaged"))])
def test_a_card_says_what_its_rows_say(name):
    """The tables of a card are rendered from committed rows."""
    from kdse.packing.model_card import results_table

    model = load_model(name)
    run, mix = model.metadata["name"], model.output.mix
    card = (FOLDER / f"{name}.md").read_text(encoding="utf-8")
    tables = [results_table(path.parent, run, "enh", mix) for path in sorted(ROOT.glob(f"egs/*/kd1/results/**/{run}.jsonl.gz"))]
    assert tables and all(table in card for table in tables)
