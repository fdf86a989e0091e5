"""Every way a CHiME-4 in its official layout may be broken: one sentence, and nothing is written."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from kdse.data.audio import RATE, read_audio
from kdse.data.datadir import read_table

ISOLATED = "data/audio/16kHz/isolated"


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
