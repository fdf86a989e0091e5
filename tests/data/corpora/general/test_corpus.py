"""The corpus `general` as `kdse data` makes it: of all its sources, of few of them, and of wrong ones."""

from pathlib import Path

import pytest

from kdse.data.datadir import DataDir, read_table, validate
from kdse.data.noise import read_noise_table

HEAD = "utt_id\tspeaker\tpath\ttext\ttext_source\n"
LINES = (
    "t1\tann\tt1.wav\tA SHORT LINE\thuman",
    "t2\tann\tt2.wav\tYES\thuman",
    "t3\tann\tt3.wav\tWHAT A MACHINE HEARD\tasr",
    "t4\tbob\tt4.wav\tNO\tasr",
    "t5\teve\tt5.wav\tLAST OF ALL\thuman",
)


@pytest.fixture
def table(tmp_path, speechlike, write_audio) -> Path:
    """A table of three speakers; of ann's three lines, one may be counted."""
    for i in range(1, 6):
        write_audio(tmp_path / f"more/t{i}.wav", speechlike(1.0, i))
    (tmp_path / "more/list.tsv").write_text(HEAD + "\n".join(LINES) + "\n")
    return tmp_path / "more/list.tsv"


@pytest.fixture
def licensed(tmp_path, noiselike, write_audio) -> Path:
    """Noises of 12 s, two with a licence that is stated, one without, and one for dev and test each."""
    lines = ["split\tnoise_id\tlicence\tpath\n"]
    for i, (split, licence) in enumerate(
        (("train", "CC0"), ("train", "for a fee"), ("train", ""), ("dev", "for a fee"), ("test", ""))
    ):
        write_audio(tmp_path / f"licensed/{i}.wav", noiselike(12, seed=i))
        lines.append(f"{split}\tl_{i}\t{licence}\t{i}.wav\n")
    (tmp_path / "licensed/noises.tsv").write_text("".join(lines))
    return tmp_path / "licensed/noises.tsv"


def utts(split: str) -> list[str]:
    return DataDir(f"data/{split}").utts


def test_every_source_is_in_its_split(kdse, make_an4, librispeech_tree, table, noise_tsv, licensed):
    code, out, err = kdse(
        *("data", "general", "--an4", make_an4(), "--librispeech", librispeech_tree, "--speech", table),
        *("--dev_speakers", "ann", "--noise", noise_tsv, licensed, "--licences", "CC0", "--synthetic", 2),
    )
    assert code == 0, err
    # AN4 without its dev speakers, train-clean-100, and those of the table who are not held out
    assert len(utts("train")) == 4 + 6 + 2 and {"t4", "t5"} < set(utts("train"))
    # AN4's dev speakers, dev-clean and dev-other, and of ann what a person wrote in more than one word
    assert len(utts("dev")) == 4 + 4 + 3 + 1 and "t1" in utts("dev")
    assert len(utts("test")) == 6 and all(utt.split("-")[1] == "7000" for utt in utts("test"))  # test-other alone
    assert [validate(f"data/{split}")[0] for split in ("train", "dev", "test")] == [12, 12, 6]
    noises = {
        split: [n.noise_id for n in read_noise_table(Path("data/noise.tsv")) if n.split == split] for split in ("train", "dev")
    }
    assert noises["train"] == ["joined-001", "l_0", "made-babble-002", "made-tilted-001"]  # the two of 2 s are joined
    assert noises["dev"] == ["l_3", "n_owl"]  # measured with, not trained on
    assert "2 training noises are left out for their licence (for a fee; not stated)" in out + err
    assert "2 utterances of held-out speakers are left out" in out + err
    speakers = [set(read_table(f"data/{split}/utt2spk").values()) for split in ("train", "dev", "test")]
    assert not speakers[0] & speakers[1] and not (speakers[0] | speakers[1]) & speakers[2]


def test_an4_alone_is_enough(kdse, make_an4, noise_tsv):
    assert kdse("data", "general", "--an4", make_an4(), "--noise", noise_tsv, "--synthetic", 0)[0] == 0
    assert [len(utts(split)) for split in ("train", "dev", "test")] == [4, 4, 4]


def test_a_table_alone_is_enough(kdse, table, noise_tsv):
    words = ("data", "general", "--speech", table, "--noise", noise_tsv, "--synthetic", 0)
    assert kdse(*words, "--dev_speakers", "ann", "--test_speakers", "eve")[0] == 0
    assert [utts(split) for split in ("train", "dev", "test")] == [["t4"], ["t1"], ["t5"]]


def test_stand_ins_are_trained_on(kdse, make_an4, librispeech_tree, noise_tsv):
    words = ("data", "general", "--librispeech", librispeech_tree, "--an4", make_an4(), "--noise", noise_tsv, "--synthetic", 0)
    assert kdse(*words, "--stand_ins", "dev-clean", "dev-other", "test-clean")[0] == 0
    assert [len(utts(split)) for split in ("train", "dev", "test")] == [4 + 6 + 4 + 3 + 8, 4, 6]


def test_a_sample_of_dev(kdse, librispeech_tree, noise_tsv):
    words = ("data", "general", "--librispeech", librispeech_tree, "--noise", noise_tsv, "--synthetic", 0)
    assert kdse(*words, "--dev_utterances", 2)[0] == 0
    two = utts("dev")
    assert len(two) == 4
    assert kdse(*words, "--dev_utterances", 3)[0] == 0
    assert set(two) < set(utts("dev")) and len(utts("dev")) == 6


def test_done_once(kdse, make_an4, noise_tsv):
    words = ("data", "general", "--an4", make_an4(), "--noise", noise_tsv, "--synthetic")
    assert kdse(*words, 1)[0] == 0
    before = Path("data/noise/made-tilted-001.flac").stat().st_mtime_ns
    assert kdse(*words, 1)[0] == 0
    assert Path("data/noise/made-tilted-001.flac").stat().st_mtime_ns == before
    assert kdse(*words, 0)[0] == 0
    assert not Path("data/noise/made-tilted-001.flac").exists()


@pytest.mark.parametrize(
    "options, said",
    [
        (
            "--speech TABLE --dev_speakers ann --test_speakers anne",
            "no table of --speech has the speaker 'anne' (did you mean 'ann'?)",
        ),
        ("--speech TABLE --dev_speakers ann eve --test_speakers eve", "the speaker 'eve' is to be held out for dev and for test"),
        ("--speech TABLE --test_speakers eve", "there is no speech for 'dev'; give --an4, --librispeech with a dev folder, or"),
        ("--speech TABLE --dev_speakers eve", "there is no speech for 'test'; give --librispeech with test-other, --an4, or"),
        ("", "there is no speech for 'train'; give --an4,"),
        ("--librispeech EMPTY", "EMPTY holds none of train-clean-100, "),
        ("--an4 EMPTY", "EMPTY is not AN4 in its official layout"),
        ("--an4 AN4 --licences GPL", "no training noise has one of the licences 'GPL'; write them as the tables do"),
        ("--an4 AN4 --stand_ins test-other", "argument --stand_ins: invalid choice: 'test-other'"),
    ],
)
def test_wrong_input_is_one_sentence(kdse, make_an4, table, licensed, options, said, capsys):
    here = {"TABLE": table, "AN4": make_an4(), "EMPTY": Path("EMPTY")}
    Path("EMPTY").mkdir()
    words = ("data", "general", "--noise", licensed, *(here.get(word, word) for word in options.split()))
    if "invalid choice" in said:
        with pytest.raises(SystemExit) as stopped:
            kdse(*words)
        assert stopped.value.code == 2 and said in capsys.readouterr().err
        return
    code, _, err = kdse(*words)
    assert code == 2 and said in err and err.count("\n") == 1 and not Path("data").exists()


def test_a_speaker_of_two_collections(kdse, make_an4, table, noise_tsv):
    """A name that AN4's dev speakers have, too, would bring dev speech into training unseen."""
    table.write_text(table.read_text().replace("\tbob\t", "\tfjam\t"))
    code, _, err = kdse("data", "general", "--an4", make_an4(), "--speech", table, "--noise", noise_tsv)
    assert code == 2 and "the speaker 'fjam' is in 'train' and in 'dev'; rename one in its table" in err


def test_without_a_noise_db_sh_is_named(kdse, capsys):
    with pytest.raises(SystemExit):
        kdse("data", "general", "--noise", "")
    assert "set NOISE= (folders or TSVs) in db.sh" in capsys.readouterr().err
