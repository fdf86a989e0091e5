"""Stages 1 and 2 on a miniature LibriSpeech in its official layout: its four sets, its counts, and every way it may be broken."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from kdse.data.audio import read_audio
from kdse.data.corpora import librispeech
from kdse.data.corpora.librispeech import MD5, PUBLISHED, read_subset, subsets
from kdse.data.datadir import DataDir, read_table, validate
from kdse.data.published import Counts

SIZE = {"train-clean-100": (3, 2), "dev-clean": (2, 2), "dev-other": (1, 3), "test-clean": (2, 4), "test-other": (2, 3)}
"""subset: (speakers, utterances of each) of the miniature in conftest.py."""
SETS = ("dev-clean_noisy", "dev-other_noisy", "test-clean_noisy", "test-other_noisy", "test-clean_clean", "test-other_clean")


@pytest.fixture
def corpus(librispeech_tree) -> Path:
    return librispeech_tree


@pytest.fixture
def counted(librispeech_tree, monkeypatch):
    """The miniature's own counts stand for the published ones."""
    for subset, (speakers, utterances) in SIZE.items():
        seconds = sum(1.0 + 0.1 * (i % 4) for i in range(utterances)) * speakers
        monkeypatch.setitem(PUBLISHED, subset, Counts(speakers * utterances, speakers, seconds / 3600))
    return librispeech_tree


CONF = """
sets: {dev_snrs: [-5, 0, 5], test_snrs: [-5, 0, 5], test_all_snrs: false, seen_share: 0.5}
"""


def test_stages_1_and_2(kdse, counted, noise_tsv, recipe, tmp_path):
    """Without --allow_partial: the counts are right, so nothing is said of them."""
    code, out, err = kdse("data", "librispeech", "--librispeech", counted, "--noise", noise_tsv, "--nj", 2)
    assert code == 0 and "partial" not in out, err
    assert [validate(recipe / "data" / split)[0] for split in ("train", "dev", "test")] == [6, 7, 14]
    assert read_table("data/test/text")["107-7000-0001"] == "DON'T SAY TWO"
    of = read_table("data/test/utt2subset")
    assert {of[utt] for utt in of if utt[:3] in ("107", "108")} == {"test-clean"} and list(of.values()).count("test-other") == 6
    conf = tmp_path / "mix.yaml"
    conf.write_text(CONF)
    assert kdse("mix", "--sets", conf)[0] == 0
    assert {path.name for path in Path("dump").iterdir()} == {*SETS, "pack"}
    assert [len(DataDir(f"dump/{name}")) for name in SETS] == [4, 3, 8, 6, 8, 6]
    for name in SETS:
        data, split, subset = DataDir(f"dump/{name}"), name.partition("-")[0], name.partition("_")[0]
        of = read_table(f"data/{split}/utt2subset")
        assert set(data["utt2orig"].values()) == {utt for utt in of if of[utt] == subset}
        assert kdse("mix", "--rebuild", f"dump/{name}")[0] == 0
    assert "skipped" in kdse("data", "librispeech", "--librispeech", counted, "--noise", noise_tsv)[1]


def test_seen_and_unseen_noises_are_told_apart(kdse, corpus, noise_tsv, tmp_path):
    """Half of the items have a training noise, and the category says which; each utterance once, with y = s + n to the last bit."""
    assert kdse("data", "librispeech", "--librispeech", corpus, "--noise", noise_tsv, "--allow_partial")[0] == 0
    conf = tmp_path / "mix.yaml"
    conf.write_text(CONF)
    assert kdse("mix", "--sets", conf)[0] == 0
    kinds = []
    for name in SETS[:4]:
        data = DataDir(f"dump/{name}")
        unseen = {"n_owl"} if name.startswith("dev") else {"n_road", "n_crowd"}
        for utt in data.utts:
            noise, (kind, _, category) = data["utt2noise"][utt], data["utt2category"][utt].partition(":")
            assert category == noise and noise in ({"n_fan", "n_rain"} if kind == "seen" else unseen)
            noisy, speech, rest = (read_audio(data[f"{scp}.scp"][utt]).astype(int) for scp in ("wav", "spk1", "noise1"))
            assert np.array_equal(noisy, speech + rest)
            kinds.append(kind)
        assert sorted(data["utt2orig"].values()) == sorted(set(data["utt2orig"].values()))
        assert set(data["utt2snr"].values()) <= {"-5", "0", "5"}
    assert 4 <= kinds.count("seen") <= 17 and set(kinds) == {"seen", "unseen"}
    conf.write_text("sets: {seen_share: 1.5}\n")
    code, _, err = kdse("mix", "--sets", conf)
    assert code == 2 and "seen_share is between 0 and 1, not 1.5" in err


def test_another_collection_for_the_tests(kdse, corpus, noise_tsv, tmp_path, write_audio, noiselike):
    """--noise_test: its noises and no others are test noises."""
    for place in ("DKITCHEN", "STRAFFIC"):
        write_audio(tmp_path / "demand" / place / "ch01.wav", noiselike(2, len(place)))
    command = ("data", "librispeech", "--librispeech", corpus, "--noise", noise_tsv, "--allow_partial")
    assert kdse(*command)[0] == 0
    code, out, _ = kdse(*command, "--noise_test", tmp_path / "demand")
    assert code == 0 and "noise changed from" in out
    assert kdse("mix")[0] == 0
    used = {name: set(read_table(f"dump/{name}/utt2noise").values()) for name in ("dev-clean_noisy", "test-clean_noisy")}
    assert used == {"dev-clean_noisy": {"n_owl"}, "test-clean_noisy": {"demand-DKITCHEN", "demand-STRAFFIC"}}
    assert len(DataDir("dump/test-clean_noisy")) == 8 * 4  # without options each utterance at each SNR


def test_the_share_of_seen_noises(kdse, corpus, noise_tsv, tmp_path):
    """0 is what a set without the option holds, to the last bit; 1 leaves no unseen noise."""
    assert kdse("data", "librispeech", "--librispeech", corpus, "--noise", noise_tsv, "--allow_partial")[0] == 0
    conf, made = tmp_path / "mix.yaml", {}
    for share in ("", "seen_share: 0.0", "seen_share: 1.0"):
        conf.write_text(f"sets: {{{share}}}\n")
        assert kdse("mix", "--sets", conf, "--dump", f"dump{share[-3:]}")[0] == 0
        made[share] = Path(f"dump{share[-3:]}", "test-clean_noisy", "wav.ark").read_bytes()
        kinds = {category.partition(":")[0] for category in read_table(f"dump{share[-3:]}/test-clean_noisy/utt2category").values()}
        assert kinds == ({"seen"} if share.endswith("1.0") else {"n_road", "n_crowd"})
    assert made[""] == made["seen_share: 0.0"] != made["seen_share: 1.0"]


def test_training_subsets(kdse, corpus, noise_tsv):
    assert subsets("100")["train"] == ("train-clean-100",)
    assert subsets("960")["train"] == ("train-clean-100", "train-clean-360", "train-other-500")
    shutil.copytree(corpus / "train-clean-100" / "101", corpus / "train-clean-360" / "201")
    chapter = corpus / "train-clean-360" / "201" / "7000"
    for path in list(chapter.iterdir()):
        path.rename(chapter / path.name.replace("101-", "201-"))
    table = chapter / "201-7000.trans.txt"
    table.write_text(table.read_text().replace("101-", "201-"))
    command = ("data", "librispeech", "--librispeech", corpus, "--noise", noise_tsv, "--allow_partial")
    assert kdse(*command)[0] == 0 and len(read_table("data/train/text")) == 6
    code, out, _ = kdse(*command, "--hours", 460)
    assert code == 0 and "hours changed from 100 to 460" in out and len(read_table("data/train/text")) == 8
    code, _, err = kdse(*command, "--hours", 960)
    assert code == 2 and "there is no" in err and "train-other-500; set LIBRISPEECH" in err


@pytest.mark.parametrize("subset", SIZE)
def test_a_subset_that_lacks_an_utterance(kdse, counted, noise_tsv, recipe, subset):
    """The count, the published one and the subset are named; --allow_partial only says so; without it there is an error again."""
    chapter = sorted(counted.glob(f"{subset}/*/*/"))[0]
    utt = sorted(path.stem for path in chapter.glob("*.flac"))[0]
    (chapter / f"{utt}.flac").unlink()
    table = next(chapter.glob("*.trans.txt"))
    table.write_text("".join(line for line in table.read_text().splitlines(keepends=True) if not line.startswith(utt)))
    speakers, utterances = SIZE[subset]
    words = f"{subset} of {counted} holds {speakers * utterances - 1} utterances instead of {speakers * utterances}"
    command = ("data", "librispeech", "--librispeech", counted, "--noise", noise_tsv)
    code, _, err = kdse(*command)
    assert code == 2 and words in err and "--allow_partial" in err and not (recipe / "data").exists()
    code, out, _ = kdse(*command, "--allow_partial")
    assert code == 0 and words.replace("holds", "is partial:") in out and out.count("partial") == 1
    code, out, err = kdse(*command)
    assert code == 2 and "allow_partial changed from True to False" in out and words in err


def test_hours_are_compared_when_the_audio_was_read(kdse, counted, noise_tsv, recipe, speechlike, write_audio):
    """The right number of utterances, one of them twice as long."""
    write_audio(counted / "dev-other/106/7000/106-7000-0001.flac", speechlike(9.0, 1))
    code, _, err = kdse("data", "librispeech", "--librispeech", counted, "--noise", noise_tsv)
    assert code == 2 and f"dev-other of {counted} holds 0.00 hours instead of 0.00" in err
    assert not list((recipe / "data").glob("*"))


TABLE = "test-other/109/7000/109-7000.trans.txt"


def edit(old, new):
    def change(corpus):
        path = corpus / TABLE
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new, 1))

    return change


@pytest.mark.parametrize(
    "spoil, words",
    [
        (lambda c: (c / TABLE).with_name("109-7000-0001.flac").unlink(), f"{TABLE}, line 2: the audio of utterance 109-7000-0001"),
        (lambda c: (c / TABLE).unlink(), "109-7000.trans.txt, the transcripts of 3 utterances"),
        (edit("109-7000-0002 DON'T SAY THREE\n", ""), f"{TABLE}: utterance 109-7000-0002 has no line, but audio"),
        (
            edit("109-7000-0001", "109-7000-0000"),
            f"{TABLE}, line 2: the audio of utterance 109-7000-0000 is missing, or it is given",
        ),
        (edit("109-7000-0001 DON'T SAY TWO", "109-7000-0001 "), f"{TABLE}, line 2: expected '109-7000-NNNN WORDS', got"),
        (edit("109-7000-0001", "108-7000-0001"), f"{TABLE}, line 2: expected '109-7000-NNNN WORDS', got"),
        (lambda c: shutil.rmtree(c / "dev-other"), "dev-other; set LIBRISPEECH in db.sh"),
        (lambda c: [shutil.rmtree(p) for p in (c / "dev-other").iterdir()], "dev-other holds no SPEAKER/CHAPTER folders"),
        (lambda c: (c / TABLE).write_bytes(b"caf\xe9"), f"{TABLE} is not UTF-8 text (byte 3)"),
    ],
)
def test_broken_corpus(kdse, corpus, noise_tsv, recipe, spoil, words):
    spoil(corpus)
    code, _, err = kdse("data", "librispeech", "--librispeech", corpus, "--noise", noise_tsv, "--allow_partial")
    assert code == 2 and words in err and err.count("\n") == 1 and not (recipe / "data").exists()


def test_a_subset_with_a_name_of_another_split(kdse, corpus, noise_tsv):
    """A set whose name does not begin with `test` would be open to every run."""
    kdse("data", "librispeech", "--librispeech", corpus, "--noise", noise_tsv, "--allow_partial")
    path = Path("data/test/utt2subset")
    path.write_text(path.read_text().replace("test-other", "other"))
    code, _, err = kdse("mix")
    assert code == 2 and "begins with 'test-', not 'other'" in err


def test_published_counts():
    """The paper's totals: 982.1 hours and 2,484 speakers (its table 1), 292,367 utterances in the released archives."""
    assert PUBLISHED.keys() == MD5.keys()
    assert sum(e.utterances for e in PUBLISHED.values()) == 292_367
    assert sum(e.speakers for e in PUBLISHED.values()) == 2_484
    assert sum(e.hours for e in PUBLISHED.values()) == pytest.approx(982.1, abs=0.1)
    assert all(len(md5) == 32 and int(md5, 16) for md5 in MD5.values())


def test_real_speech():
    """The stand-in of the official layout, where it is at hand: nothing in it is refused, no speaker is in two splits."""
    shared = Path(os.environ.get("KDSE_SHARED", Path(__file__).resolve().parents[4] / "shared"))
    root = shared / "data" / "LibriSpeech"
    if not root.is_dir():
        pytest.skip(f"LibriSpeech is not at {root}; set KDSE_SHARED to the folder with data/LibriSpeech")
    speakers: dict[str, set[str]] = {}
    for split, names in subsets("100").items():
        for u in (u for name in names for u in read_subset(root, name)):
            assert set(u.text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ' ") and u.subset in names
            speakers.setdefault(split, set()).add(u.speaker)
    assert not speakers["train"] & speakers["dev"] and not (speakers["train"] | speakers["dev"]) & speakers["test"]


@pytest.fixture
def archives(counted, tmp_path, monkeypatch) -> Path:
    """The miniature as archives like those of openslr.org/12, a licence beside the subset in each, with their checksums."""
    import hashlib
    import tarfile

    folder = tmp_path / "archives"
    folder.mkdir()
    (tmp_path / "LICENSE.TXT").write_text("CC BY 4.0")
    for subset in SIZE:
        path = folder / f"{subset}.tar.gz"
        with tarfile.open(path, "w:gz") as tar:
            tar.add(tmp_path / "LICENSE.TXT", "LibriSpeech/LICENSE.TXT")
            tar.add(counted / subset, f"LibriSpeech/{subset}")
        monkeypatch.setitem(librispeech.MD5, subset, hashlib.md5(path.read_bytes()).hexdigest())
    return folder


def test_download(kdse, counted, archives, noise_tsv, tmp_path):
    """Only what is missing is fetched; the tree is the one that was packed; archives do not stay."""
    new = tmp_path / "new"
    shutil.copytree(counted / "dev-clean", new / "dev-clean")
    (archives / "dev-clean.tar.gz").unlink()
    command = ("data", "librispeech", "--noise", noise_tsv, "--url", archives.as_uri())
    assert kdse(*command, "--librispeech", new)[0] == 2
    code, out, err = kdse(*command, "--librispeech", new, "--download")
    assert code == 0, err
    files = [{p.relative_to(root): p.read_bytes() for p in root.rglob("*") if p.is_file()} for root in (counted, new)]
    assert files[0] == files[1] and out.count("download ") == 4
    code, out, _ = kdse(*command, "--librispeech", new, "--download")
    assert "download " not in out and "skipped" in out


def test_a_damaged_archive(kdse, archives, noise_tsv, tmp_path, recipe):
    path = archives / "dev-other.tar.gz"
    path.write_bytes(path.read_bytes()[:-20])
    new = tmp_path / "new"
    command = ("data", "librispeech", "--librispeech", new, "--noise", noise_tsv, "--url", archives.as_uri(), "--download")
    code, _, err = kdse(*command)
    assert code == 2 and "dev-other.tar.gz came damaged: its MD5 is" in err and not (recipe / "data").exists()
    assert sorted(p.name for p in new.iterdir()) == ["dev-clean", "train-clean-100"]


def test_manifest_names_the_clean_source(kdse, corpus, noise_tsv):
    kdse("data", "librispeech", "--librispeech", corpus, "--noise", noise_tsv, "--allow_partial")
    kdse("mix")
    line = json.loads(Path("dump/test-other_noisy/manifest.jsonl").read_text().splitlines()[0])
    assert line["clean_source"] == str(corpus / "test-other/109/7000/109-7000-0000.flac")
