"""The subwords of a recogniser: a sentencepiece model of the training transcripts, and ESPnet's token list."""

from pathlib import Path
from typing import Any

from kdse.core.config import merge, typed
from kdse.core.errors import UserError, did_you_mean
from kdse.core.files import write_text
from kdse.core.progress import say

MODEL_TYPES = ("bpe", "unigram", "char", "word")


def take_subwords(config: dict[str, Any]) -> dict[str, Any]:
    """Remove `kdse_subwords` from a backend's YAML and return it, options of `write_subwords`.

    `kdse_tokens` is its old name. Where both are there, the old one overrides: a YAML of the user is based on one of this
    repository, which has the new name.

    Raises: UserError for an unknown option, and for a value that cannot be.
    """
    conf, old = config.pop("kdse_subwords", None) or {}, config.pop("kdse_tokens", None)
    if old is not None:
        say("training config: 'kdse_tokens' is now called 'kdse_subwords'")
        conf = merge(conf, old) if isinstance(conf, dict) and isinstance(old, dict) else old
    # these values show the types; the defaults are those of `write_subwords`
    subwords = typed(conf, {"vocab_size": 100, "model_type": "bpe"}, "kdse_subwords")
    if subwords.get("vocab_size", 1) < 1:
        raise UserError(f"kdse_subwords: vocab_size must be 1 or more, not {subwords['vocab_size']}")
    if subwords.get("model_type", "bpe") not in MODEL_TYPES:
        hint = did_you_mean(subwords["model_type"], MODEL_TYPES)
        raise UserError(f"kdse_subwords: model_type is one of {', '.join(MODEL_TYPES)}, not '{subwords['model_type']}'{hint}")
    return subwords


def write_subwords(text: Path, out: Path, vocab_size: int = 30, model_type: str = "bpe") -> dict[str, Any]:
    """Train a sentencepiece model on transcripts; write `out`/bpe.model and `out`/tokens.txt.

    Args:
        text: Kaldi text file of the training set.
        vocab_size: pieces, <unk> included; fewer where the text has no more.
        model_type: "bpe", "unigram", "char", or "word" for a closed vocabulary.

    Returns: ESPnet's options that name the two files.
    Raises: UserError where sentencepiece refuses the options for this text.
    """
    import sentencepiece  # a backend that is trained already needs none

    lines = [line.split(maxsplit=1)[1] for line in text.read_text(encoding="utf-8").splitlines()]
    try:
        sentencepiece.SentencePieceTrainer.Train(
            sentence_iterator=iter(lines),
            model_prefix=str(out / "bpe"),
            vocab_size=vocab_size,
            model_type=model_type,
            character_coverage=1.0,
            hard_vocab_limit=False,
            bos_id=-1,
            eos_id=-1,
            minloglevel=2,
        )
    except RuntimeError as e:
        options = {"model_type": model_type, "vocab_size": vocab_size}
        reason = str(e).rpartition("] ")[2].partition(". Increase")[0]
        raise UserError(f"kdse_subwords: sentencepiece refuses {options} for {text}: {reason}") from e
    model = sentencepiece.SentencePieceProcessor(model_file=str(out / "bpe.model"))
    pieces = [model.id_to_piece(i) for i in range(model.get_piece_size())]
    tokens = ["<blank>", "<unk>", *(piece for piece in pieces if piece != "<unk>"), "<sos/eos>"]
    write_text(out / "tokens.txt", "".join(f"{token}\n" for token in tokens))
    return {"token_type": "bpe", "bpemodel": str(out / "bpe.model"), "token_list": str(out / "tokens.txt")}
