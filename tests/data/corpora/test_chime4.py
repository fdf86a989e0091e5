"""CHiME-4 and WSJ0 in miniature, in their official layouts: what stages 1 and 2 make of them, and every way they may be broken."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from kdse.cli import main
from kdse.core.files import read_yaml
from kdse.data.audio import RATE, read_audio
from kdse.data.corpora.chime4 import EXPECTED, SETS, find
from kdse.data.corpora.chime4.wsj0 import read_dots, words
from kdse.data.datadir import DataDir, read_table, validate
from kdse.data.pack import Pack
from kdse.scoring.row import read_rows

ROOT = Path(__file__).resolve().parents[3]
ISOLATED = "data/audio/16kHz/isolated"


@pytest.fixture
def tree(chime4) -> tuple[Path, Path]:
    return chime4


@pytest.fixture
def data(tree, kdse):
    """Stage 1 on the miniature, in the recipe folder: data(*more options)."""
    return lambda *more: kdse("data", "chime4", "--chime4", tree[0], "--wsj0", tree[1], *more)


def test_the_published_counts():
    """https://www.chimechallenge.org/challenges/chime3/data: 1,600 real and 7,138 simulated for training, 4 and 83 speakers; 410
    and 330 sentences in four environments for development and test, of 4 other speakers each."""
    counts = {name: (e.utterances, e.speakers) for name, e in EXPECTED.items()}
    assert counts["tr05_simu"] == counts["tr05_org"] == (7138, 83) and counts["tr05_real"] == (1600, 4)
    for part, sentences in (("dt05", 410), ("et05", 330)):
        assert counts[f"{part}_real"] == counts[f"{part}_simu"] == (4 * sentences, 4) and counts[f"{part}_bth"] == (sentences, 4)


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


def edit(name: str, old: str, new: str):
    def change(chime4: Path, wsj0: Path) -> None:
        path = next(chime4.glob(name), None) or next(wsj0.glob(name))
        assert old in path.read_text(), path
        path.write_text(path.read_text().replace(old, new, 1))

    return change


def remove(name: str):
    return lambda chime4, wsj0: [path.unlink() for path in [*chime4.glob(name), *wsj0.glob(name)]]


def longer(chime4: Path, wsj0: Path) -> None:
    path = chime4 / ISOLATED / "et05_bth/F06_445C0201_BTH.CH0.wav"
    soundfile.write(path, np.tile(read_audio(path), 2), RATE)


def half_of_ext(chime4: Path, wsj0: Path) -> None:
    (chime4 / "data/audio/16kHz/isolated_ext").mkdir()


NOTES, LISTS, WORDS = "data/annotations", "data/annotations/{}_1ch_track.list", "data/transcriptions"


@pytest.mark.parametrize(
    "spoil, message",
    [
        (remove(f"{NOTES}/et05_real.json"), "has no annotation"),
        (edit(f"{NOTES}/dt05_simu.json", "[", ""), "dt05_simu.json is not JSON"),
        (edit(f"{NOTES}/tr05_real.json", '"wsj_name"', '"wsj"'), "tr05_real.json, entry 1 lacks one of speaker, wsj_name"),
        (edit(f"{NOTES}/tr05_simu.json", '"noise_end"', '"end"'), "tr05_simu.json, entry 1 lacks one of"),
        (
            edit(f"{NOTES}/dt05_real.json", '"BUS"', '"CAR"'),
            "dt05_real.json, entry 1: the environment is one of BUS, CAF, PED, STR, not 'CAR'",
        ),
        (edit(f"{NOTES}/dt05_real.json", '"BUS"', '"CAF"'), "dt05_real.json: utterance F01_22GC010A_CAF is given twice"),
        (lambda c, w: (c / NOTES / "dt05_bth.json").write_text("{}"), "dt05_bth.json must be a list of utterances"),
        (
            remove(f"{NOTES}/et05_simu_1ch_track.list"),
            "the track lists came apart from the audio, with the challenge's CHiME4_diff package",
        ),
        (
            edit(LISTS.format("dt05_real"), "dt05_bus_real/F01", "dt05_bus_real/F09"),
            "has no utterance F09_22GC010A_BUS, which dt05_real_1ch_track.list has",
        ),
        (
            edit(LISTS.format("dt05_real"), "dt05_bus_real/F01_22GC010A_BUS", "dt05_caf_real/F01_22GC010A_BUS"),
            "line 1: expected a file like dt05_bus_real/",
        ),
        (edit(LISTS.format("et05_simu"), ".CH", ".XH"), "et05_simu_1ch_track.list, line 1: expected a file like"),
        (
            lambda c, w: (c / LISTS.format("et05_real")).write_text((c / LISTS.format("et05_real")).read_text().split("\n", 1)[1]),
            "et05_real_1ch_track.list has no utterance F06_445C0201_BUS, which et05_real.json has",
        ),
        (remove(f"{WORDS}/dt05_ped_simu/M04_*.trn"), "utterance M04_423C0203_PED has no transcript"),
        (
            edit(f"{WORDS}/et05_str_real/F06*.trn", "F06_445C0201_STR", "F06_445C0201_BUS"),
            "the transcript is of 'F06_445C0201_BUS', not of utterance F06_445C0201_STR",
        ),
        (
            edit(f"{WORDS}/et05_bth/F06*.trn", "HE SAID THE SALE WAS QUIET", "[loud_breath]"),
            "utterance F06_445C0201_BTH has an empty transcript",
        ),
        (edit("11-1.1/wsj0/si_tr_s/011/*.dot", "(011c0202)", "(011c0299)"), "has a line of utterance 011c0202; is WSJ0 complete?"),
        (edit("11-1.1/wsj0/si_tr_s/011/*.dot", "(011c0202)", "011c0202"), "line 2: expected 'words (utterance)'"),
        (remove("11-1.1/wsj0/si_tr_s/*/*.dot"), "set WSJ0 in db.sh"),
        (remove("data/audio/16kHz/backgrounds/*_010_PED.CH5.wav"), "fewer than two recordings BGD_*_PED.CH5.wav"),
        (longer, "whose clean signal it is to be, has"),
        (half_of_ext, "is missing: there is no"),
        (remove(f"{ISOLATED}/dt05_bth/F01_22GC010A_BTH.CH0.wav"), "the clean reference of F01_22GC010A_BUS"),
        (lambda c, w: (c / "data/annotations").rename(c / "data/notes"), "is not CHiME-4 in its official layout"),
    ],
)
def test_broken_trees(data, tree, recipe, spoil, message):
    """One sentence, exit code 2, and nothing is left in the recipe folder, even of a tree that is cut down on purpose."""
    spoil(*tree)
    code, _, err = data("--allow_partial")
    assert code == 2 and message in err and err.count("\n") == 1, err
    assert not [path for path in recipe.rglob("*") if path.is_file()]


def test_a_file_of_a_list_is_missing(data, tree):
    first = (tree[0] / LISTS.format("et05_real")).read_text().split()[0]
    (tree[0] / ISOLATED / first).unlink()
    code, _, err = data()
    assert code == 2 and f"et05_real of {tree[0]} holds 7 utterances instead of 8: " in err and f"{first} is missing" in err
    code, out, _ = data("--allow_partial")
    assert code == 0 and f"et05_real of {tree[0]} is partial: 7 utterances instead of 1,320, 2 speakers instead of 4" in out
    assert len(read_table("data/sets/et05_real/text")) == 7


@pytest.fixture
def as_published(monkeypatch, tree):
    """The published counts replaced by those of the miniature, so that it passes for the whole."""
    from kdse.data.corpora import chime4
    from kdse.data.expected import Expected

    splits, ready, _, _ = find(*tree, allow_partial=True)
    parts = {u.subset: [] for u in splits["train"]} | {name: [] for name in ready}
    for u in [*splits["train"], *(u for items in ready.values() for u in items)]:
        parts[u.subset].append(u.speaker)
    assert parts.keys() == chime4.EXPECTED.keys()
    monkeypatch.setattr(chime4, "EXPECTED", {name: Expected(len(who), len(set(who))) for name, who in parts.items()})
    monkeypatch.setattr(chime4, "BACKGROUNDS", 8)


def test_a_whole_tree_needs_no_permission(data, as_published, recipe):
    code, out, err = data()
    assert code == 0 and "partial" not in out, err


@pytest.mark.parametrize(
    "subset", ["tr05_org", "tr05_simu", "tr05_real", "dt05_bth", "dt05_simu", "dt05_real", "et05_bth", "et05_simu", "et05_real"]
)
def test_every_subset_is_counted(data, as_published, monkeypatch, recipe, subset):
    from kdse.data.corpora import chime4
    from kdse.data.expected import Expected

    held = chime4.EXPECTED[subset]
    monkeypatch.setitem(chime4.EXPECTED, subset, Expected(held.utterances + 1, held.speakers))
    code, _, err = data()
    assert code == 2 and f"{subset} of " in err and f"holds {held.utterances} utterances instead of {held.utterances + 1};" in err
    assert not [path for path in recipe.rglob("*") if path.is_file()]
    monkeypatch.setitem(chime4.EXPECTED, subset, Expected(held.utterances, held.speakers + 1))
    assert f"{held.speakers} speakers instead of {held.speakers + 1};" in data()[2]


def test_hours_are_those_of_the_annotations(data, as_published, tree, write_audio):
    """A recording that was cut short is told by the annotations of the corpus itself."""
    path = tree[0] / ISOLATED / "tr05_caf_real/F05_440C020A_CAF.CH5.wav"
    write_audio(path, read_audio(path)[: RATE // 2])
    code, _, err = data()
    assert code == 2 and re.search(r"tr05_real of .* holds 0\.00 hours instead of 0\.00", err)


def test_a_missing_background_is_counted(data, as_published, monkeypatch):
    from kdse.data.corpora import chime4

    monkeypatch.setattr(chime4, "BACKGROUNDS", 9)
    assert "holds 8 recordings instead of 9; fetch what is missing" in data()[2]


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


@pytest.mark.parametrize(
    "dot, spoken",
    [
        ("Of course there isn\\'t any guarantee [misc_noise]", "OF COURSE THERE ISN'T ANY GUARANTEE"),
        ("[loud_breath] personal computers I\\. B\\. M\\. introduced [door_slam]", "PERSONAL COMPUTERS I B M INTRODUCED"),
        ("[phone_ring/] he [/phone_ring] said ~", "HE SAID"),
        ("[<door_slam] two . three", "TWO THREE"),
        ("<and> so *others* did !not re:lent", "AND SO OTHERS DID NOT RELENT"),
        (
            "Mr\\. Smith ,COMMA --DASH -HYPHEN .PERIOD (LEFT-PAREN )RIGHT-PAREN",
            "MR SMITH COMMA DASH HYPHEN PERIOD LEFT PAREN RIGHT PAREN",
        ),
        (
            "\"DOUBLE-QUOTE 'SINGLE-QUOTE ;SEMI-COLON :COLON ?QUESTION-MARK &AMPERSAND",
            "DOUBLE QUOTE SINGLE QUOTE SEMI COLON COLON QUESTION MARK AMPERSAND",
        ),
        ("com(pany)- compu- (sub)stance- company's", "COMPANY'S"),
        ("seven .POINT five %PERCENT", "SEVEN POINT FIVE PERCENT"),
    ],
)
def test_markup_of_wsj0(dot, spoken):
    """The first two lines are the examples in Kaldi's egs/wsj/s5/local/normalize_transcript.pl; but noises are no words here."""
    assert words(dot) == spoken


def test_discs_may_be_linked_and_named_in_capitals(tree, tmp_path):
    discs = tmp_path / "linked"
    discs.mkdir()
    source = tree[1] / "11-1.1" / "wsj0" / "si_tr_s"
    (discs / "SI_TR_S").symlink_to(source)
    path = source / "01a" / "01ac0200.dot"
    path.rename(path.with_suffix(".DOT"))
    assert words(read_dots(discs, ["01ac020a"])["01ac020a"]) == "HE WILL SELL THE SHARES"


def test_it_must_be_said_where_the_corpora_are(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["data", "chime4", "--chime4", "", "--wsj0", "x"])
    assert (
        stopped.value.code == 2 and "set CHIME4= (the corpus, with data/) and WSJ0= (its discs) in db.sh" in capsys.readouterr().err
    )


def test_annotations_may_hold_more_than_is_used(tree):
    entries = json.loads((tree[0] / NOTES / "tr05_simu.json").read_text())
    assert all("ir_wavfile" in entry for entry in entries)


@pytest.mark.slow
@pytest.mark.recipe
def test_every_stage_of_the_recipe(chime4_of_all, tmp_path):
    """./run.sh on the miniature with mini's smallest models: every stage runs, and every set has its rows."""
    for name in ("egs", "conf", "utils"):
        unwanted = shutil.ignore_patterns("data", "dump", "exp*", "results", "RESULTS.md")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=unwanted)
    folder, small = tmp_path / "egs" / "chime4" / "kd1", "../../mini/kd1/conf/smallest"
    options = [
        "--allow_partial",
        "true",
        "--approaches",
        "standalone_se kd joint_straight",
        "--omegas",
        "0 0.2",
        "--train_jobs",
        "2",
    ]
    options += ["--asr_config", f"{small}/asr/conformer.yaml", "--teacher_config", f"{small}/teacher/conformer.yaml"]
    options += ["--student_config", f"{small}/student/bandcrn-m.yaml", "--tokens_config", f"{small}/tokens.yaml"]
    options += ["--baselines", "spectral_subtraction", "--nj", "1"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    where = {"CHIME4": str(chime4_of_all[0]), "WSJ0": str(chime4_of_all[1]), "PATH": path, "PYTHONPATH": str(ROOT)}
    how = {"cwd": folder, "env": {**os.environ, **where}, "capture_output": True, "text": True, "timeout": 1500}
    done = subprocess.run(["./run.sh", *options], **how)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]

    items = {name: DataDir(folder / "dump" / name) for name in SETS}
    for run in ("mct_noisy_seed0", "spectral_subtraction", "kd_bandcrn-m_seed0", "joint_straight_bandcrn-m_seed0"):
        rows = list(read_rows(folder / "results" / f"{run}.jsonl.gz"))
        omegas = (0.0,) if run == "mct_noisy_seed0" else (0.0, 0.2)
        assert {(row["set"], row["omega"]) for row in rows} == {(name, omega) for name in SETS for omega in omegas}
        for name, data in items.items():
            found = [row for row in rows if row["set"] == name and row["omega"] == 0]
            utts = data.tables.get("utt2orig", {utt: utt for utt in data.utts})
            assert sorted((row["utt"], row["ref"]) for row in found) == sorted((utts[utt], data["text"][utt]) for utt in data.utts)
            assert {row["category"] for row in found} == {{"bth": "CLEAN", "imu": "SIMU", "eal": "REAL"}[name[-3:]]}
            if name.endswith("real"):
                assert all(row["pesq_wb"] is None and row["missing"]["pesq_wb"] == "no clean reference" for row in found)
            elif name.endswith("simu"):
                assert all(row["stoi"] is not None for row in found) and {row["noise"] for row in found} == {
                    "bus",
                    "caf",
                    "ped",
                    "str",
                }
    heard = read_yaml(folder / "exp" / "joint_straight_bandcrn-m_seed0" / "train.yaml")["train_shape_file"]
    assert len((folder / heard[0]).read_text().splitlines()) == len(DataDir(folder / "data" / "train"))
    again = subprocess.run(["./run.sh", *options, "--stage", "1", "--stop_stage", "8"], **how).stdout
    assert "epoch" not in again and "runs again" not in again
