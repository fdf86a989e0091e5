"""CHiME-4 and WSJ0 in miniature, in their official layouts: what stages 1 and 2 make of them."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from kdse.cli import main
from kdse.data.audio import read_audio
from kdse.data.corpora.chime4.corpus import SETS
from kdse.data.datadir import DataDir, read_table, validate
from kdse.data.pack import Pack

ISOLATED = "data/audio/16kHz/isolated"


def test_stages_1_and_2(data, kdse, recipe, tree):
    code, out, err = data("--allow_partial", "--nj", 2)
    assert code == 0, err
    assert f"tr05_simu of {tree[0]} is partial: 5 utterances instead of 7,138, 3 speakers instead of 83" in out
    assert "backgrounds of" in out and "8 recordings instead of 17" in out
    train = DataDir("data/train")
    assert sorted(set(train.categories().values())) == ["CLEAN", "REAL", "SIMU"]
    assert len(train) == 5 + 5 + 8 and train["text"]["011_011C0201_ORG"] == "THE SALE OF PERCENT SHARES COMMA HE SAID PERIOD"
    assert train["utt2category"]["F05_440C020A_BUS_REAL"] == "REAL" and train["wav.scp"]["F05_440C020A_BUS_REAL"].endswith(
        ".CH5.wav"
    )
    assert set(DataDir("data/dev").categories().values()) == {"CLEAN"}
    for name in SETS:
        assert validate(f"data/sets/{name}")[0] == (2 if name.endswith("bth") else 8)
    noises = [line.split("\t") for line in Path("data/noise.tsv").read_text().splitlines()[1:]]
    assert {(split, category) for _, split, category, _ in noises} == {
        (s, c) for s in ("train", "dev") for c in ("bus", "caf", "ped", "str")
    }

    code, out, err = kdse("mix", "--nj", 2)
    assert code == 0, err
    made = {path.name for path in Path("dump").iterdir()}
    assert made == {"pack", "dev_noisy", *SETS}, "official sets as they are, and no test set that nobody else has"
    assert kdse("mix", "--rebuild", "dump/dev_noisy")[0] == 0
    pack = Pack("dump/pack/speech_train")
    assert set(pack.recordings) == {utt for utt, category in train["utt2category"].items() if category != "CLEAN"}
    assert "skipped" in data("--allow_partial")[1] and kdse("mix")[1].count("skipped") == 5 + len(SETS)


def test_the_track_lists_choose_the_channel(data, kdse, tree):
    assert data("--allow_partial")[0] == 0
    for name in ("dt05_real", "dt05_simu", "et05_real", "et05_simu"):
        listed = (tree[0] / f"data/annotations/{name}_1ch_track.list").read_text().split()
        assert sorted(read_table(f"data/sets/{name}/wav.scp").values()) == sorted(
            str((tree[0] / ISOLATED / file).resolve()) for file in listed
        )
        assert len({file.rpartition(".CH")[2] for file in listed}) > 1


def test_real_sets_are_declared_and_have_no_clean_signal(data, kdse):
    assert data("--allow_partial")[0] == 0 and kdse("mix")[0] == 0
    for part in ("dt05", "et05"):
        real, simu, booth = (DataDir(f"dump/{part}_{kind}") for kind in ("real", "simu", "bth"))
        assert set(real["utt2category"].values()) == {"REAL"} and "spk1.scp" not in real
        assert set(simu["utt2category"].values()) == {"SIMU"} and set(booth["utt2category"].values()) == {"CLEAN"}
        assert sorted(set(real["utt2noise"].values())) == ["bus", "caf", "ped", "str"]
        assert set(simu["utt2orig"].values()) == set(booth.utts), "four mixtures of one recording count as one utterance"
        for utt in simu.utts:
            clean, noisy = read_audio(simu["spk1.scp"][utt]), read_audio(simu["wav.scp"][utt])
            assert Path(simu["spk1.scp"][utt]).name == re.sub("_..._SIMU$", "_BTH.CH0.wav", utt) and len(clean) == len(noisy)


def test_the_signal_within_the_mixture_where_it_was_made(data, tree, write_audio):
    """isolated_ext of the patched simulation script holds it, for each channel."""
    for file in (tree[0] / ISOLATED).glob("?t05_*_simu/*.wav"):
        write_audio(tree[0] / "data/audio/16kHz/isolated_ext" / file.parent.name / f"{file.stem}.Clean.wav", read_audio(file) // 2)
    assert "signals within the mixtures" in data("--allow_partial")[1]
    for utt, path in read_table("data/sets/et05_simu/spk1.scp").items():
        noisy = Path(read_table("data/sets/et05_simu/wav.scp")[utt])
        assert Path(path).name == f"{noisy.stem}.Clean.wav" and Path(path).parent.name == noisy.parent.name


@pytest.mark.parametrize("more", [-100, 100])
def test_a_reference_that_was_rounded_is_fitted(data, kdse, tree, write_audio, speechlike, more):
    path = tree[0] / ISOLATED / "dt05_bth/F01_22GC010A_BTH.CH0.wav"
    booth = read_audio(path)
    write_audio(path, booth[:more] if more < 0 else np.concatenate([booth, booth[:more]]))
    assert data("--allow_partial")[0] == 0 and kdse("validate", "data/sets/dt05_simu")[0] == 0
    clean = read_audio(read_table("data/sets/dt05_simu/spk1.scp")["F01_22GC010A_BUS_SIMU"])
    assert len(clean) == len(booth) and np.array_equal(clean[:-100], booth[:-100])


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda text: text.replace(" REAL", " SIMU", 1), "has no clean signal, yet utt2category calls it SIMU"),
        (lambda text: text.replace(" REAL", " real", 1), "is CLEAN, SIMU or REAL, not 'real'"),
        (lambda text: "", "is in wav.scp but not in utt2category"),
    ],
)
def test_categories_are_declared_never_guessed(data, kdse, change, message):
    assert data("--allow_partial")[0] == 0
    path = Path("data/sets/dt05_real/utt2category")
    path.write_text(change(path.read_text()))
    code, _, err = kdse("mix")
    assert code == 2 and message in err and err.count("\n") == 1 and not Path("dump/dt05_real").exists()


def test_it_must_be_said_where_the_corpora_are(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["data", "chime4", "--chime4", "", "--wsj0", "x"])
    assert (
        stopped.value.code == 2 and "set CHIME4= (the corpus, with data/) and WSJ0= (its discs) in db.sh" in capsys.readouterr().err
    )


def test_annotations_may_hold_more_than_is_used(tree):
    entries = json.loads((tree[0] / "data/annotations" / "tr05_simu.json").read_text())
    assert all("ir_wavfile" in entry for entry in entries)
