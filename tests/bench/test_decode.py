"""`kdse bench decode` compares the same utterances, and its ratios are those of its numbers. (That it is quick is no test.)"""

import pytest

from kdse.bench import decode as bench_decode
from kdse.bench.decode import LOOP, OURS, STOCK
from kdse.cli import main


@pytest.mark.parametrize(
    "search, option, turns",
    [("ctc_greedy", "batch_seconds: 1", 2), ("ctc_beam", "beam_size: 4", 1)],
    ids=["greedy", "beam"],
)
def test_all_ways_recognise_every_utterance(search, option, turns, backend, noisy_set, tmp_path):
    """Greedy search gives the texts of the plainest loop; ESPnet's label by label is another search. A batch is in one turn."""
    config = tmp_path / "search.yaml"
    config.write_text(f"decode: {search}\n{option}\n")
    paths = dict(line.split() for line in (noisy_set / "wav.scp").read_text().splitlines())
    measured = bench_decode.time_part(model=backend, config=config, blocks=2, paths=paths)
    assert measured["audio"] == pytest.approx(0.4 + 0.6 + 0.8) and measured["turns"] == turns
    assert list(measured["ways"]) == ([STOCK, LOOP, OURS] if search == "ctc_greedy" else [STOCK, OURS])
    for way in measured["ways"].values():
        assert way["text"].keys() == paths.keys() and way["seconds"] > 0 and way["cpu"] > 0
    if search == "ctc_greedy":
        assert measured["ways"][LOOP]["text"] == measured["ways"][OURS]["text"]


def test_the_table_is_made_of_the_numbers():
    """Two processes: ESPnet does 2 utterances in 4 s and 2 in 2 s, which is 1.5 a second; ours 2 in 0.5 s each, 8 a second."""

    def part(names: tuple[str, str], seconds: float, stock: str, turns: int) -> dict:
        ways = {
            STOCK: {"seconds": seconds, "cpu": 2.0, "text": dict.fromkeys(names, stock)},
            OURS: {"seconds": 0.5, "cpu": 0.4, "text": dict.fromkeys(names, "GO")},
        }
        return {"audio": 6.0, "turns": turns, "ways": ways}

    parts = [part(("a", "b"), 4.0, "GO", 4), part(("c", "d"), 2.0, "go left", 3)]
    first, _, stock, ours = bench_decode.table(parts, dict.fromkeys("abcd", "GO"), "asr, dev").splitlines()
    assert first.startswith("asr, dev: 4 utterances, 12 s, 2 process(es) of one thread each, 3 and 4 turns")
    assert stock.removeprefix(STOCK).split() == ["1.5", "4.5", "1.00", "4.0", "1.00", "50.00", "2"]
    assert ours.removeprefix(OURS).split() == ["8.0", "24.0", "5.33", "0.8", "5.00", "0.00"]


@pytest.mark.parametrize(
    "words, message",
    [
        (["--model", "nowhere"], "there is no nowhere/config.yaml; train the recogniser first (stage 3)"),
        (["--items", "0"], "--items must be 1 or more, not 0"),
        (["--nj", "4"], "3 utterances are too few for 4 processes"),
        ([], "text lacks 1 of 3 utterances of wav.scp, the first t1"),
    ],
)
def test_what_cannot_be_measured_is_refused(words, message, backend, noisy_set, tmp_path, capsys, monkeypatch):
    config = tmp_path / "search.yaml"
    config.write_text("decode: ctc_greedy\n")
    (noisy_set / "text").write_text("t0 GO\nt2 GO\n")
    monkeypatch.setattr("subprocess.Popen", None)  # before anything is timed
    given = ["--model", str(backend), "--set", str(noisy_set), "--config", str(config), *words]
    assert main(["bench", "decode", *given]) == 2
    assert message in capsys.readouterr().err
