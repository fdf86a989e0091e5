"""Noises: splits from a TSV, from subfolders or by hash, and what may be wrong with them."""

import pytest

from kdse.core.errors import UserError
from kdse.data.noise import find_noises, split_by_hash


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


@pytest.fixture
def collections(tmp_path, write_audio, noiselike):
    """MUSAN, DEMAND and DNS noise in their own layouts, as folders by name."""
    for i in range(30):
        write_audio(tmp_path / f"musan/noise/free-sound/noise-free-sound-{i:04d}.wav", noiselike(0.1, i))
    write_audio(tmp_path / "musan/music/fma/music-fma-0000.wav", noiselike(0.1, 31))
    write_audio(tmp_path / "musan/speech/librivox/speech-librivox-0000.wav", noiselike(0.1, 32))
    for place in ("DKITCHEN", "STRAFFIC", "PCAFETER"):
        for channel in (1, 2, 16):
            write_audio(tmp_path / f"demand/{place}/ch{channel:02d}.wav", noiselike(0.1, channel))
    for i in range(30):
        write_audio(tmp_path / f"dns/noise_fullband/clip__{i:02d}_x.wav", noiselike(0.1, i))
    return tmp_path


def test_musan_and_demand(collections):
    """Music and noise but not one talker; one microphone of each place; every file of DEMAND a test noise, none of MUSAN."""
    noises = find_noises(collections / "musan", collections / "demand")
    musan = [n for n in noises if n.split != "test"]
    assert {n.category for n in musan} <= {"noise", "music"} and len(musan) > 20
    assert all(n.noise_id.startswith(("musan-noise-free-sound-0", "musan-music-fma-0")) for n in musan)
    assert [(n.noise_id, n.category, n.path) for n in noises if n.split == "test"] == [
        (f"demand-{place}", place, str(collections / "demand" / place / "ch01.wav"))
        for place in ("DKITCHEN", "PCAFETER", "STRAFFIC")
    ]


def test_dns_noise_has_names_of_videos(collections):
    noises = find_noises(collections / "dns" / "noise_fullband")
    assert len(noises) == 30 and noises[0].noise_id == "clip_00_x" and noises[0].path.endswith("clip__00_x.wav")
    assert {n.split for n in noises} == {"train", "dev", "test"}


def test_a_test_collection_takes_the_place_of_the_tests(noise_tsv, collections):
    """The splits of the first collection stay; its test noises are left out, and so are the splits of the second."""
    kept = {n.noise_id: n.split for n in find_noises(noise_tsv) if n.split != "test"}
    noises = find_noises(noise_tsv, collections / "dns" / "noise_fullband")
    assert {n.noise_id: n.split for n in noises if n.noise_id.startswith("n_")} == kept
    assert [n.split for n in noises if n.noise_id.startswith("clip")] == ["test"] * 30


def test_test_noises_must_be_others(noise_tsv):
    with pytest.raises(UserError, match=r"fan\.wav is a noise of .*noises\.tsv and of .*; test noises must be others"):
        find_noises(noise_tsv, noise_tsv.parent / "train")
    with pytest.raises(UserError, match="set NOISE_TEST"):
        find_noises(noise_tsv, noise_tsv.parent / "none")
