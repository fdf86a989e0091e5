"""The subwords of a backend: their section of the YAML, and its old name."""

import pytest

from kdse.core.errors import UserError
from kdse.training.subwords import take_subwords, write_subwords


def test_the_section_is_taken_out():
    config = {"kdse_subwords": {"vocab_size": 40}, "encoder": "conformer"}
    assert take_subwords(config) == {"vocab_size": 40} and config == {"encoder": "conformer"}
    assert take_subwords({"kdse_subwords": None}) == take_subwords({}) == {}


def test_the_old_name_is_read_and_overrides(capsys):
    """A user's YAML with `kdse_tokens` is based on the repository's, which has `kdse_subwords`."""
    config = {"kdse_subwords": {"vocab_size": 90, "model_type": "unigram"}, "kdse_tokens": {"vocab_size": 12}}
    assert take_subwords(config) == {"vocab_size": 12, "model_type": "unigram"} and config == {}
    assert "training config: 'kdse_tokens' is now called 'kdse_subwords'\n" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["kdse_subwords", "kdse_tokens"])
def test_a_section_that_is_none(name):
    with pytest.raises(UserError, match="kdse_subwords must hold 'key: value' pairs, not 5"):
        take_subwords({name: 5})


def test_the_token_list_of_a_closed_vocabulary(tmp_path):
    (tmp_path / "text").write_text("a GO LEFT\nb GO\n")
    options = write_subwords(tmp_path / "text", tmp_path, vocab_size=20, model_type="word")
    assert options == {
        "token_type": "bpe",
        "bpemodel": str(tmp_path / "bpe.model"),
        "token_list": str(tmp_path / "tokens.txt"),
    }
    tokens = (tmp_path / "tokens.txt").read_text().splitlines()
    assert tokens[:2] == ["<blank>", "<unk>"] and tokens[-1] == "<sos/eos>" and sorted(tokens[2:-1]) == ["▁GO", "▁LEFT"]
