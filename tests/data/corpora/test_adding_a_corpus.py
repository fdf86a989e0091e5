"""The corpus file in docs/adding_a_corpus.md is run as it stands there, so that the page stays true."""

import re
import sys
import types
from pathlib import Path

import pytest

from kdse.data.corpora.registry import CORPORA, CorpusInfo

PAGE = Path(__file__).resolve().parents[3] / "docs" / "adding_a_corpus.md"


@pytest.fixture
def orders(tmp_path, monkeypatch, speechlike, write_audio) -> Path:
    """The page's corpus: its module, registered as the page says, and a folder in its layout."""
    code, line = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    (info,) = eval(line, {"CorpusInfo": CorpusInfo})
    made = types.ModuleType(info.module)
    exec(compile(code, str(PAGE), "exec"), made.__dict__)
    monkeypatch.setitem(sys.modules, info.module, made)
    monkeypatch.setitem(CORPORA, info.name, info)
    rows = ["utt\tspeaker\tsplit\tpath\ttext\n"]
    for i, split in enumerate(("train", "dev", "test")):
        write_audio(tmp_path / "orders" / f"{i}.wav", speechlike(0.7, i))
        rows.append(f"u{i}\ts{i}\t{split}\t{i}.wav\tONE COFFEE\n")
    (tmp_path / "orders" / "list.tsv").write_text("".join(rows))
    return tmp_path / "orders"


def test_stages_1_and_2(orders, noise_tsv, kdse):
    assert kdse("data", "orders", "--orders", orders, "--noise", noise_tsv)[0] == 0
    assert "skipped" in kdse("data", "orders", "--orders", orders, "--noise", noise_tsv)[1]
    assert kdse("mix")[0] == 0 and kdse("mix", "--rebuild", "dump/test_noisy")[0] == 0


@pytest.mark.parametrize(
    "old, new, message",
    [
        ("\tdev\t", "\tvalid\t", "line 3: split is train, dev or test"),
        ("\t1.wav", "\tnone.wav", "line 3: the audio of utterance u1 is missing"),
        ("ONE COFFEE", "", "utterance u0 has an empty transcript"),
        ("\tdev\t", "\ttest\t", "no utterance for the split 'dev'"),
        ("u1\ts1\tdev\t1", "u0\ts0\ttrain\t1", "utterance u0 is given twice"),
    ],
)
def test_errors(orders, noise_tsv, kdse, recipe, old, new, message):
    table = orders / "list.tsv"
    table.write_text(table.read_text().replace(old, new))
    code, _, err = kdse("data", "orders", "--orders", orders, "--noise", noise_tsv)
    assert code == 2 and message in err and not list((recipe / "data").glob("*"))
