"""The tables: numbers that can be checked by hand, and notes on what a reader should know."""

import pytest

from kdse.compare.table import APART, Comparison, all_columns, signal_table, tables_of, versions_note, words_table
from kdse.report.render.table import markdown, to_csv
from kdse.scoring.metrics import COUNTS, FROM_AUDIO, SCORES
from kdse.scoring.missing import NO_REFERENCE, NO_TOKENS


def system(name: str, kind: str, **facts) -> dict:
    """Facts of a system as compare.json has them."""
    known = {"rate": 16000, "rtf": 0.01, "delay_ms": 0.0, "delay_apart_ms": 0.0, "clipped": 0}
    return {"name": name, "kind": kind, "version": None, "licence": None, "parameters": None, **known, **facts}


FACTS = {
    "recognisers": {"ears": {"decode": "greedy", "trained_on_transcripts": True}},
    "systems": [
        system("noisy", "noisy", rtf=None, delay_ms=None),
        system("kd", "student"),
        system("other", "peer", delay_ms=10.0, delay_apart_ms=2 * APART, clipped=1200, version="1.0", licence="MIT", rate=48000),
        system("clean", "clean", rtf=None, delay_ms=None),
    ],
}
ERRORS = {"noisy": (2, 3), "kd": (1, 2), "other": (3, 3), "clean": (0, 0)}
"""Of 10 words each in two utterances."""


def row(name: str, number: int, **scores: float) -> dict:
    errors = ERRORS[name][number]
    texts = {"ref": " ".join("ABCDEFGHIJ"), "hyp": " ".join("ABCDEFGHIJ"[errors:])}
    about = {"corpus": "mine", "set": "noisy", "run": name, "approach": name, "seed": None, "student": None, "teacher": None}
    about |= {"params": None, "backend": "ears", "decode": "greedy", "omega": 0.0, "utt": f"u{number}", "speaker": "s"}
    values = dict.fromkeys(SCORES) | scores
    missing = {name: NO_REFERENCE if name in FROM_AUDIO else NO_TOKENS for name in SCORES if values[name] is None}
    return {
        **about,
        "category": None,
        "noise": None,
        "snr": None,
        **texts,
        **{key: [10, 0, errors, 0] for key in COUNTS},
        **values,
        "missing": missing,
    }


@pytest.fixture
def comparison() -> Comparison:
    """SI-SDR of all but clean speech, and DNSMOS BAK of all; `other` has no SI-SDR of the second utterance."""
    rows = []
    for name in ERRORS:
        for number in range(2):
            scores = {"dnsmos_bak": 2.0 + number}
            if name != "clean" and (name, number) != ("other", 1):
                scores["si_sdr"] = 5.0 + 4 * number
            rows.append(row(name, number, **scores))
    return Comparison.of(FACTS, rows)


def test_words(comparison):
    table = words_table(comparison, full=True)
    rows = {line["system"]: line for line in table.rows}
    assert rows["noisy"]["wer_ears"].value == 25 and "change_ears" in rows["noisy"] and rows["noisy"]["change_ears"] is None
    change = rows["kd"]["change_ears"]
    assert (change.value, change.low, change.high) == (-10, -10, -10) and rows["kd"]["relative_ears"] == -40
    assert table.bold == {(1, "change_ears")}  # not clean speech, of which nobody wonders
    assert "| kd | 15.0 | **-10.0** [-10.0, -10.0] |" in markdown(words_table(comparison))


def test_scores_are_those_of_recordings_that_all_have(comparison):
    table = signal_table(comparison)
    assert [column.key for column in table.columns] == ["system", "si_sdr", "dnsmos_bak", "rtf", "delay_ms"]
    rows = {line["system"]: line for line in table.rows}
    assert [rows[name]["si_sdr"].value for name in ("noisy", "kd", "other")] == [5, 5, 5]
    assert rows["clean"]["si_sdr"] is None and rows["clean"]["dnsmos_bak"].value == 2.5
    assert rows["other"]["delay_ms"] == 10 and rows["noisy"]["rtf"] is None


def test_what_a_reader_should_know_is_said(comparison):
    notes = "\n".join(signal_table(comparison).notes)
    assert f"by at most: other {2 * APART:.1f} ms; the median was taken" in notes and "clipped at full scale: other 1,200" in notes
    assert versions_note(FACTS) == "other: version 1.0, MIT, 48 kHz"
    assert "said" not in "\n".join(words_table(comparison).notes)  # an ESPnet recogniser writes no digits


def test_the_csv_has_both_tables_in_one(comparison):
    lines = to_csv(all_columns(comparison)).splitlines()
    assert len(lines) == 5 and len(tables_of(comparison)) == 2
    for column in ("change_ears_low", "relative_ears", "p_ears", "si_sdr", "rtf", "delay_ms", "licence"):
        assert column in lines[0].split(",")
    assert "nan" not in "".join(lines)
