"""Stage 1: done once, done again when something of it is gone, and named in the data folder."""

import pytest

from kdse.core.errors import UserError
from kdse.core.step import done_config
from kdse.data.prepare import corpus_name, prepare_corpus


def test_once_and_again(make_an4, noise_tsv, tmp_path, capsys):
    options = {"an4": make_an4(), "noise": noise_tsv, "byte_order": "auto"}
    prepare_corpus("an4", tmp_path / "data", **options)
    assert corpus_name(tmp_path / "data") == "an4"
    assert done_config(tmp_path / "data").keys() == {"corpus", "transcripts", "audio", "noise", "byte_order"}
    capsys.readouterr()
    prepare_corpus("an4", tmp_path / "data", **options)
    assert "done before, skipped" in capsys.readouterr().out
    (tmp_path / "data" / "dev" / "text").unlink()
    (tmp_path / "data" / "noise.tsv").unlink()
    prepare_corpus("an4", tmp_path / "data", nj=2, **options)
    assert "noise.tsv is gone" in capsys.readouterr().out and (tmp_path / "data" / "dev" / "text").is_file()


def test_errors(tmp_path):
    with pytest.raises(UserError, match="there is no corpus 'an5'"):
        prepare_corpus("an5", tmp_path)
    with pytest.raises(UserError, match=r"corpus is missing; run stage 1 \(kdse data\) first"):
        corpus_name(tmp_path)
