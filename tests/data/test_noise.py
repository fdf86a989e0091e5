"""Noises: splits from a TSV, from subfolders or by hash, and what may be wrong with them."""

import pytest

from kdse.data.noise import find_noises, split_by_hash
from kdse.errors import UserError


def test_tsv_with_more_columns_and_no_category(noise_tsv):
    noises = find_noises(noise_tsv)
    assert [(n.noise_id, n.split, n.category) for n in noises][:2] == [("n_crowd", "test", "n_crowd"), ("n_fan", "train", "n_fan")]
    assert noises[0].path == str(noise_tsv.parent / "test" / "crowd.wav")


def test_tsv_with_split_and_path_alone(noise_tsv):
    noise_tsv.write_text("path\tsplit\ntrain/fan.wav\ttrain\ndev/owl.wav\tdev\ntest/road.wav\ttest\n")
    assert [n.noise_id for n in find_noises(noise_tsv)] == ["fan", "owl", "road"]


def test_subfolders(noise_tsv):
    noises = find_noises(noise_tsv.parent)
    assert [(n.noise_id, n.split, n.category) for n in noises if n.split != "train"] == [
        ("crowd", "test", "crowd"),
        ("owl", "dev", "owl"),
        ("road", "test", "road"),
    ]


def test_any_folder_is_split_by_hash(tmp_path, write_audio, noiselike):
    for i in range(60):
        write_audio(tmp_path / "n" / ("wind" if i % 2 else "rain storm") / f"{i}.wav", noiselike(0.1, i))
    noises = find_noises(tmp_path / "n")
    assert len(noises) == 60 and {n.category for n in noises} == {"wind", "rain-storm"}
    splits = {n.noise_id: n.split for n in noises}
    assert splits["wind-1"] == split_by_hash("wind/1.wav")
    write_audio(tmp_path / "n" / "new.wav", noiselike(0.1, 99))
    assert {n.noise_id: n.split for n in find_noises(tmp_path / "n")}.items() >= splits.items()


def test_hash_shares():
    splits = [split_by_hash(f"noise-{i}.wav") for i in range(4000)]
    assert splits.count("train") / 4000 == pytest.approx(0.8, abs=0.03)
    assert splits.count("dev") / 4000 == pytest.approx(0.1, abs=0.02)


HEAD = "split\tnoise_id\tpath\n"


@pytest.mark.parametrize(
    "text, message",
    [
        ("noise_id\tpath\n", "has no column 'split'"),
        ("split\tfile\n", "has no column 'path'"),
        (HEAD + "train\ta\ttrain/fan.wav\nvalid\tb\tdev/owl.wav\n", "line 3: split is train, dev or test, not 'valid'"),
        (HEAD + "train\ta\ttrain/none.wav\n", "line 2: there is no file"),
        (HEAD + "train\ta\t\n", "line 2: the column 'path' is empty"),
        (HEAD + "train\ta\n", "line 2: the column 'path' is empty"),
        (HEAD + "train\ta\ttrain/fan.wav\ndev\ta\tdev/owl.wav\n", "noise a is given twice"),
        (HEAD + "train\ta b\ttrain/fan.wav\n", "space"),
        (HEAD + "train\ta__b\ttrain/fan.wav\n", "'__'"),
        (HEAD + "train\ta\ttrain/fan.wav\n", "no noise is of split 'dev'"),
        ("", "has no column 'split'"),
        (HEAD + "train\tcafé\ttrain/fan.wav\n", "is not UTF-8 text (byte 29)"),
    ],
)
def test_bad_tsv(noise_tsv, text, message):
    noise_tsv.write_text(text, encoding="latin-1")
    with pytest.raises(UserError) as e:
        find_noises(noise_tsv)
    assert message in str(e.value) and str(noise_tsv) in str(e.value)


def test_bad_folder(tmp_path):
    with pytest.raises(UserError, match="set NOISE"):
        find_noises(tmp_path / "none")
    with pytest.raises(UserError, match="holds no audio"):
        find_noises(tmp_path)
