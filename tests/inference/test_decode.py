"""`kdse decode`: how a best path becomes words, and what is decoded together. With a network: tests/plugin/test_load.py."""

import random

import pytest

from kdse.cli import main
from kdse.core.step import Step
from kdse.recognisers.batching import batches
from kdse.recognisers.espnet import Espnet
from kdse.search.ctc import merge

TOKENS = ["<blank>", "<unk>", "▁", "A", "B", "▁GO", "ING", "▁TWO", "<sos/eos>"]


def words_of(path: list[int], blank: int = 0) -> str:
    recogniser = Espnet.__new__(Espnet)  # without a model
    recogniser.pieces = TOKENS
    return recogniser.text(merge(path, blank))


@pytest.mark.parametrize(
    "path, words",
    [
        ([], ""),
        ([0, 0, 0], ""),
        ([5], "GO"),
        ([5, 5, 5], "GO"),  # repeats are one
        ([5, 0, 5], "GO GO"),  # a blank keeps them apart
        ([0, 5, 0, 6, 6, 0, 0, 7, 0], "GOING TWO"),
        ([3, 3, 0, 3, 4, 4], "AAB"),
        ([2, 3, 2, 4], "A B"),
        ([5, 1, 5], "GO GO"),  # an unknown piece is dropped, after merging
        ([5, 8], "GO"),
        ([6, 7], "ING TWO"),
        ([2, 2, 0, 2], ""),
    ],
)
def test_words_of_a_best_path(path, words):
    """Merge repeats, drop blanks, join pieces; ▁ begins a word (Graves et al. 2006, the map B)."""
    assert words_of(path) == words


def test_another_blank():
    assert words_of([3, 5, 3, 5, 3], blank=3) == "GO GO"


@pytest.mark.parametrize("equal", [True, False])
@pytest.mark.parametrize("seconds", [0.1, 3.0, 60.0])
def test_batches_hold_every_utterance_once_and_keep_to_their_size(seconds, equal):
    """Samples of a batch stay within its seconds, unless one utterance alone is longer; where asked, one length stands together."""
    rng = random.Random(0)
    lengths = sorted(1000 * rng.randint(8, 20) for _ in range(100))
    found = list(batches(lengths, seconds, equal))
    assert [i for batch in found for i in batch] == list(range(100))
    for batch in found:
        assert len({lengths[i] for i in batch}) == 1 or not equal
        assert len(batch) == 1 or sum(lengths[i] for i in batch) <= seconds * 16000
    assert len(found) == 100 if seconds == 0.1 else len(found) < 100


@pytest.fixture
def backend(tmp_path):
    """A folder that claims to be a finished backend."""
    Step(tmp_path / "asr", {}, "asr").finish()
    return tmp_path / "asr"


@pytest.mark.parametrize(
    "text, message",
    [
        ("batch_second: 3", "d.yaml: there is no option 'batch_second' (did you mean 'batch_seconds'?)"),
        ("batch_seconds: x", "d.yaml: batch_seconds takes a float like 60.0, not 'x'"),
        ("decode: [ctc_greedy]", "d.yaml: decode takes a str like 'ctc_greedy', not ['ctc_greedy']"),
        ("recogniser: espnt", "d.yaml: there is no recogniser 'espnt' (did you mean 'espnet'?); there are: espnet"),
        ("decode: beam", "d.yaml: decode is one of ctc_greedy, ctc_beam, attention, transducer, not 'beam'"),
        ("", "is not finished; run stage 2 first"),
    ],
)
def test_mistakes_are_one_sentence(tmp_path, backend, capsys, text, message):
    (tmp_path / "d.yaml").write_text(text)
    words = [
        "--run",
        tmp_path / "mct_noisy_seed0",
        "--backend",
        backend,
        "--dump",
        tmp_path,
        "--sets",
        "dev_noisy",
        "--config",
        tmp_path / "d.yaml",
    ]
    assert main(["decode", *map(str, words)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line and not (tmp_path / "mct_noisy_seed0" / "decode").exists()


def test_a_backend_that_is_not_finished(tmp_path, capsys):
    assert main(["decode", "--run", "x", "--backend", str(tmp_path / "asr"), "--sets", "dev_noisy"]) == 2
    assert "asr is not finished; run stage 3 first" in capsys.readouterr().err


def test_an_espnet_recogniser_needs_its_folder(capsys):
    assert main(["decode", "--run", "x", "--sets", "dev_noisy"]) == 2
    assert "an ESPnet recogniser is a folder of stage 3: give --backend" in capsys.readouterr().err
