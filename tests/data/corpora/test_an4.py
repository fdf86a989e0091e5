"""Stage 1 on a miniature AN4 in each format, then stage 2, as the recipe runs them; and every way the corpus may be broken."""

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from kdse.data.audio import RATE, read_audio
from kdse.data.corpora.an4 import DEV_SPEAKERS, read_list
from kdse.data.datadir import read_table, validate


@pytest.mark.parametrize("kind", ["sph", "raw-big", "raw-little", "flac"])
def test_stages_1_and_2(kdse, make_an4, noise_tsv, recipe, kind):
    corpus = make_an4(kind)
    code, out, err = kdse("data", "an4", "--an4", corpus, "--noise", noise_tsv, "--nj", 2)
    assert code == 0, err
    assert ("big-endian" in out) == (kind == "raw-big") and ("little-endian" in out) == (kind == "raw-little")
    assert [validate(recipe / "data" / split)[0] for split in ("train", "dev", "test")] == [4, 4, 4]
    assert set(read_table("data/dev/utt2spk").values()) == {"fjam", "mcel"} <= set(DEV_SPEAKERS)
    assert read_table("data/test/text")["an0-mjwl-b"] == "ENTER TWO NINE"
    assert Path("data/noise.tsv").read_text().startswith("noise_id\tsplit\tcategory\tpath\nn_crowd\ttest\tn_crowd\t/")
    code, out, err = kdse("mix", "--nj", 2)
    assert code == 0, err
    assert len(read_table("dump/test_noisy/wav.scp")) == 16 and kdse("mix", "--rebuild", "dump/test_noisy")[0] == 0


def test_formats_agree(kdse, make_an4, noise_tsv, recipe):
    """The four formats hold the same samples, so the sets they lead to are the same to the last bit."""
    made = []
    for kind in ("sph", "raw-big", "raw-little", "flac"):
        assert kdse("data", "an4", "--an4", make_an4(kind), "--noise", noise_tsv, "--out", f"{kind}/data")[0] == 0
        assert kdse("mix", "--data", f"{kind}/data", "--dump", f"{kind}/dump")[0] == 0
        made.append((recipe / kind / "dump" / "test_noisy" / "wav.ark").read_bytes())
    assert len(set(made)) == 1


def test_byte_order_can_be_forced(kdse, make_an4, noise_tsv):
    corpus = make_an4("raw-big")
    assert kdse("data", "an4", "--an4", corpus, "--noise", noise_tsv, "--byte_order", "little")[0] == 0
    wrong = read_audio(read_table("data/test/wav.scp")["an0-mjwl-b"])
    right = read_audio(corpus / "wav/an4test_clstk/mjwl/an0-mjwl-b.raw", raw=">i2")
    assert np.array_equal(wrong, right.byteswap())


def test_mixed_byte_orders_are_refused(kdse, make_an4, noise_tsv):
    corpus = make_an4("raw-big")
    path = corpus / "wav/an4_clstk/fash/an0-fash-b.raw"
    path.write_bytes(np.frombuffer(path.read_bytes(), ">i2").astype("<i2").tobytes())
    code, _, err = kdse("data", "an4", "--an4", corpus, "--noise", noise_tsv)
    assert code == 2 and "--byte_order" in err


def test_rerun_skips_and_says_why_it_does_not(kdse, make_an4, noise_tsv, recipe):
    command = ("data", "an4", "--an4", make_an4(), "--noise", noise_tsv)
    kdse(*command)
    assert "skipped" in kdse(*command)[1]
    noise_tsv.write_text(noise_tsv.read_text().replace("test\tn_crowd", "train\tn_crowd"))
    assert "runs again, because noise changed" in kdse(*command)[1]
    (recipe / "data" / "noise.tsv").unlink()
    assert "noise.tsv is gone" in kdse(*command)[1]
    assert (recipe / "data" / "noise.tsv").exists()


AUDIO = "wav/an4test_clstk/fcaw/an11-fcaw-b.flac"


def edit(name, old, new):
    def change(corpus):
        path = corpus / "etc" / f"an4_{name}"
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))

    return change


def append(name, data):
    return lambda corpus: (corpus / "etc" / f"an4_{name}").open("ab").write(data)


def audio(samples, rate=RATE, **how):
    return lambda corpus: soundfile.write(corpus / AUDIO, samples, rate, **how)


def truncate(corpus):
    (corpus / AUDIO).write_bytes((corpus / AUDIO).read_bytes()[:3000])


def nan_in_wav(corpus):
    (corpus / AUDIO).unlink()
    soundfile.write((corpus / AUDIO).with_suffix(".wav"), np.full(9000, np.nan), RATE, subtype="FLOAT")


@pytest.mark.parametrize(
    "spoil, words",
    [
        (lambda corpus: (corpus / AUDIO).unlink(), ("an4_test.fileids, line 4", "an11-fcaw-b is missing")),
        (truncate, ("truncated", AUDIO, "utterance an11-fcaw-b")),
        (audio(np.ones(9000, np.int16), 8000), ("8000 Hz", AUDIO)),
        (audio(np.ones((9000, 2), np.int16)), ("2 channels", AUDIO)),
        (audio(np.zeros(9000, np.int16)), ("silent", AUDIO)),
        (nan_in_wav, ("NaN", "an11-fcaw-b.wav")),
        (edit("test.transcription", "REPEAT", " "), ("transcription, line 2: utterance an1-mjwl-b has an empty transcript",)),
        (edit("test.transcription", "an10-fcaw-b", "an1-mjwl-b"), ("transcription, line 3: utterance an1-mjwl-b is given twice",)),
        (edit("test.fileids", "an10-fcaw-b", "an11-fcaw-b"), ("an4_test.fileids, line 4: utterance an11-fcaw-b is given twice",)),
        (edit("test.fileids", "fcaw/an10-fcaw-b\n", "fcaw/an99-fcaw-b\n"), ("line 3: utterance an99-fcaw-b has no line in",)),
        (edit("test.fileids", "an4test_clstk/fcaw/an10-fcaw-b\n", ""), ("utterance an10-fcaw-b of an4_test.tr",)),
        (edit("test.transcription", "(an1-mjwl-b)", "an1"), ("an4_test.transcription, line 2: expected",)),
        (lambda corpus: (corpus / "etc/an4_test.fileids").unlink(), ("official layout", "set AN4 in db.sh")),
        (append("test.transcription", b"caf\xe9"), ("an4_test.transcription is not UTF-8 text (byte ",)),
        (append("train.fileids", b"caf\xe9"), ("an4_train.fileids is not UTF-8 text (byte ",)),
        (edit("train.fileids", "", ""), ()),
    ],
)
def test_broken_corpus(kdse, make_an4, noise_tsv, recipe, spoil, words):
    """One sentence, exit code 2, and nothing is left in the recipe folder."""
    corpus = make_an4()
    spoil(corpus)
    code, _, err = kdse("data", "an4", "--an4", corpus, "--noise", noise_tsv)
    if not words:
        assert code == 0
        return
    assert code == 2 and err.count("\n") == 1 and "Traceback" not in err
    assert all(word in err for word in words), err
    assert [top for top, _, files in os.walk(recipe) if files] == [] and not list(recipe.glob("data/*"))


def test_a_failed_rerun_keeps_the_old_data(kdse, make_an4, noise_tsv, recipe, snapshot):
    corpus = make_an4()
    command = ("data", "an4", "--an4", corpus, "--noise", noise_tsv)
    kdse(*command)
    before = {path: text for path, text in snapshot(recipe).items() if not path.endswith(".done")}
    truncate(corpus)
    code, out, _ = kdse(*command)
    assert code == 2 and "runs again" in out
    assert snapshot(recipe) == before


def test_missing_noise(kdse, make_an4, tmp_path):
    code, _, err = kdse("data", "an4", "--an4", make_an4(), "--noise", tmp_path / "none")
    assert code == 2 and "set NOISE" in err


@pytest.mark.parametrize("value, word", [(0, "silent"), (5 / 32768, "silent"), (np.nan, "NaN")])
def test_bad_noise(kdse, make_an4, noise_tsv, value, word):
    path = noise_tsv.parent / "test" / "road.wav"
    soundfile.write(path, np.full(32000, value, np.float64), RATE, subtype="FLOAT")
    code, _, err = kdse("data", "an4", "--an4", make_an4(), "--noise", noise_tsv)
    assert code == 2 and word in err and str(path) in err


def test_real_an4():
    """The real corpus, where it is at hand: official counts, seven dev speakers, no speaker in two splits."""
    shared = Path(os.environ.get("KDSE_SHARED", Path(__file__).resolve().parents[4] / "shared"))
    if not (shared / "data" / "an4").is_dir():
        pytest.skip(f"AN4 is not at {shared / 'data' / 'an4'}; set KDSE_SHARED to the folder with data/an4")
    train, test = read_list(shared / "data" / "an4", "train"), read_list(shared / "data" / "an4", "test")
    assert (len(train), len(test)) == (948, 130)
    speakers = {u.speaker for u in train}
    assert len(speakers) == 74 and speakers >= set(DEV_SPEAKERS) and len(DEV_SPEAKERS) == 7
    assert not speakers & {u.speaker for u in test}
    assert all(set(u.text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ' ") for u in train + test)
