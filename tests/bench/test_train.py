"""The benchmark times what training does, and its ratios are those of its numbers. (That it is quick is no test.)"""

import pytest

from kdse.bench import train as bench
from kdse.cli import main


@pytest.fixture
def dev_noisy(packs):
    """The fixed noisy dev set of the tiny recipe: as long as its dev speech, which stands for itself."""
    from kdse.data.audio import write_ark
    from kdse.data.pack import Pack

    folder = packs / "dev_noisy"
    folder.mkdir(exist_ok=True)
    speech = Pack(packs / "pack" / "speech_dev")
    for name in ("wav", "spk1"):
        scp = write_ark(folder / f"{name}.ark", speech.items())
        (folder / f"{name}.scp").write_text("".join(f"{utt} {place}\n" for utt, place in scp.items()))
    (folder / "text").write_text("".join(f"{utt} GO\n" for utt in speech))


@pytest.mark.parametrize("case", bench.CASES)
def test_every_case_runs_on_a_trained_recipe(case, backend, kd, dev_noisy):
    measured = bench.time_case(case=case, backend=backend, kd=kd[0], updates=3)
    assert measured["updates"] == 3 and measured["seconds"] > 0 and measured["memory"] > 100
    assert 3 * 0.5 <= measured["audio"] <= 3 * 3.75  # from one of the six training utterances a batch to all of them


def test_the_table_is_made_of_the_numbers():
    steps = {
        "backend": 1.0,
        "standalone_se": 0.4,
        "kd": 0.9,
        "kd, live targets": 1.08,
        "frozen encoder": 0.6,
        "ESPnet enh_s2t": 1.8,
    }
    measured = {case: {"updates": 10, "seconds": 10 * step, "audio": 300.0, "memory": 1000.0} for case, step in steps.items()}
    lines = bench.table(measured).splitlines()
    assert lines[1].split() == ["backend", "30.0", "110", "1.000", "1000"]
    assert lines[3].split() == ["kd", "33.3", "60", "0.900", "1000"]
    assert "costs 0.90 of" in lines[-3] and "would cost 1.20 of that" in lines[-2] and "costs 0.50 of what" in lines[-1]


def test_what_was_not_trained_is_named(tmp_path, kd, capsys):
    assert main(["bench", "train", "--backend", str(tmp_path / "asr"), "--kd", str(kd[0])]) == 2
    assert f"{tmp_path}/asr is no training; run the recipe's stages 3 to 6 first" in capsys.readouterr().err
    assert main(["bench", "train", "--updates", "0"]) == 2
    assert "--updates must be 1 or more, not 0" in capsys.readouterr().err
