"""AN4 with more training speech: what is added, and tables that are wrong."""

from pathlib import Path

import pytest

from kdse.data.datadir import read_table, validate

HEAD = "utt_id\tspeaker\tpath\ttext\n"


@pytest.fixture
def more(tmp_path, speechlike, write_audio) -> Path:
    """A LibriSpeech of one utterance, and a table of another, below one folder."""
    chapter = tmp_path / "more/LibriSpeech/train-clean-100/19/198"
    chapter.mkdir(parents=True)
    write_audio(chapter / "19-198-0000.flac", speechlike(1.0, 0))
    (chapter / "19-198.trans.txt").write_text("19-198-0000 NORTHANGER ABBEY\n")
    (tmp_path / "more/cafe").mkdir()
    write_audio(tmp_path / "more/cafe/order.wav", speechlike(1.0, 1))
    (tmp_path / "more/list.tsv").write_text(HEAD + 'o1\tguest\tcafe/order.wav\tTWO  "ESPRESSI\n')
    return tmp_path / "more"


def prepare(kdse, an4, noise, more):
    return kdse(
        *("data", "an4_plus", "--an4", an4, "--noise", noise),
        *("--librispeech", more / "LibriSpeech", "--speech", more / "list.tsv"),
    )


def test_speech_is_added_to_training_alone(kdse, make_an4, noise_tsv, more):
    code, _, err = prepare(kdse, make_an4("flac"), noise_tsv, more)
    assert code == 0, err
    assert [validate(f"data/{split}")[0] for split in ("train", "dev", "test")] == [6, 4, 4]
    train = read_table("data/train/text")
    assert train["19-198-0000"] == "NORTHANGER ABBEY" and train["o1"] == 'TWO "ESPRESSI'
    assert read_table("data/train/utt2spk")["o1"] == "guest"


@pytest.mark.parametrize(
    "table, said",
    [
        ("utt_id\tspeaker\ttext\no1\tguest\tTWO\n", "list.tsv has no column 'path'; it needs utt_id, speaker, path, text"),
        (HEAD + "o1\t\tcafe/order.wav\tTWO\n", "list.tsv, line 2: speaker is empty"),
        (HEAD + "o1\tguest\tcafe/lost.wav\tTWO\n", "list.tsv, line 2: the audio of utterance o1 is missing"),
        (HEAD + "o1\tguest\n", "list.tsv, line 2: path is empty"),
    ],
)
def test_a_wrong_table_is_one_sentence(kdse, make_an4, noise_tsv, more, table, said):
    (more / "list.tsv").write_text(table)
    code, _, err = prepare(kdse, make_an4("flac"), noise_tsv, more)
    assert code == 2 and said in err and err.count("\n") == 1 and not Path("data").exists()
