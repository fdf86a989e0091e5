"""`kdse bench score`: both scorers get the same audio, agree on what both compute, and wrong input is one sentence."""

from pathlib import Path

import numpy as np
import pytest

from kdse import cli
from kdse.bench import score as bench
from kdse.data.audio import ArkWriter


@pytest.fixture
def recipe(tmp_path, monkeypatch) -> Path:
    rng, t = np.random.default_rng(0), np.arange(24000) / 16000
    monkeypatch.chdir(tmp_path)
    for folder in ("dump/test_noisy", "exp/kd/enhanced/test_noisy"):
        Path(folder).mkdir(parents=True)
    voice = sum(np.sin(2 * np.pi * 130 * k * t) / k for k in range(1, 20)) * np.clip(np.sin(2 * np.pi * 2 * t), 0, None)
    clean, noise = 2000 * voice, 400 * rng.standard_normal(len(t))
    for folder, name, samples in (
        ("dump/test_noisy", "spk1", clean),
        ("dump/test_noisy", "wav", clean + noise),
        ("exp/kd/enhanced/test_noisy", "wav", clean + 0.3 * noise),
    ):
        with ArkWriter(Path(folder) / f"{name}.ark", Path(folder) / f"{name}.ark") as ark:
            Path(folder, f"{name}.scp").write_text(f"u {ark.add('u', samples.astype(np.int16))}\n")
    return tmp_path


def test_parts_hold_all_items_at_the_wanted_length(recipe, tmp_path):
    import soundfile

    (tmp_path / "parts").mkdir()
    parts = bench.write_parts(tmp_path / "parts", data=Path("dump/test_noisy"), run=Path("exp/kd"), items=5, seconds=2.0, nj=2)
    assert [len((part / "keys").read_text().split()) for part in parts] == [3, 2]
    paths = [line.split()[1] for part in parts for name in ("clean", "noisy", "enhanced") for line in (part / name).open()]
    assert len(paths) == 15 and {soundfile.info(path).frames for path in paths} == {32000}


@pytest.mark.slow
def test_both_score_the_same_audio_the_same(recipe, capsys):
    pytest.importorskip("mir_eval.separation", reason="ESPnet's enh_scoring needs mir_eval with its separation module")
    assert cli.main(["bench", "score", "--run", "exp/kd", "--items", "2", "--seconds", "2", "--nj", "1"]) == 0
    out = capsys.readouterr().out
    gaps = dict(pair.rsplit(" ", 1) for pair in out.strip().splitlines()[-1].removeprefix("largest difference: ").split(", "))
    assert gaps.keys() == bench.SHARED.keys() and all(float(gap) < 2e-3 for gap in gaps.values())
    assert [line.split("  ")[0] for line in out.splitlines()[2:5]] == ["ESPnet's enh_scoring", "kdse, the same", "kdse score"]


def test_the_table_gives_ratios_of_one_run():
    text = bench.table({"ESPnet": 60.0, "shared": 20.0, "every": 40.0}, items=520, seconds=4.0, nj=2)
    assert [line[22:].split()[:3] for line in text.splitlines()[2:]] == [
        ["60.0", "8.7", "1.00"],
        ["20.0", "26.0", "3.00"],
        ["40.0", "13.0", "1.50"],
    ]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--items", "0"], "--items must be 1 or more, not 0"),
        (["--nj", "0"], "--nj must be 1 or more, not 0"),
        (["--seconds", "0.1"], "--seconds must be 0.5 or more, not 0.1"),
        (["--run", "exp/none"], "there is no exp/none/enhanced/test_noisy/wav.scp"),
    ],
)
def test_wrong_input_is_one_sentence(recipe, capsys, words, message):
    assert cli.main(["bench", "score", "--run", "exp/kd", *words]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
