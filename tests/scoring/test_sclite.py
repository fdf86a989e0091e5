"""Parity with NIST's scorer (Debian package sctk), to the last count: edits by `sclite`, matched pairs by `sc_stats`."""

import random
import re
import shutil
import subprocess
from pathlib import Path

import jiwer
import pytest

from kdse.scoring.matched_pairs import matched_pairs, segments
from kdse.scoring.row import read_rows
from kdse.scoring.words import char_errors, word_errors

RESULTS = Path(__file__).parents[2] / "egs/an4_noisy/kd1/results"
RUNS = ("mct_noisy_seed0", "log_mmse", "standalone_se_bandcrn-m_seed0", "kd_bandcrn-m_seed0")
BLOCK = re.compile(r"id: \(s-(\d+)\)\nScores: \(#C #S #D #I\) (\d+) (\d+) (\d+) (\d+)")
TEST = re.compile(r"# segs: (\d+)\).*\(mean: (\S+)\) \(std dev: (\S+)\) \(Z Stat: (\S+)\)")

needs_sctk = pytest.mark.skipif(shutil.which("sctk") is None, reason="Debian's sctk is not installed")


def committed(run: str) -> dict[tuple, tuple[str, str]]:
    """{item: (ref, hyp)} of a committed run, every set and ω."""
    rows = read_rows(RESULTS / f"{run}.jsonl.gz")
    return {(row["set"], row["omega"], row["utt"], row["noise"], row["snr"]): (row["ref"], row["hyp"]) for row in rows}


def sclite(pairs: list[tuple[list[str], list[str]]], folder: Path, *options: str, title: str = "hyp") -> str:
    """What sclite prints of (reference words, hypothesis words)."""
    for name, texts in zip(("ref", "hyp"), zip(*pairs, strict=True), strict=True):
        (folder / name).write_text("".join(f"{' '.join(text)} (s-{i:06d})\n" for i, text in enumerate(texts)), encoding="utf-8")
    command = ["sctk", "sclite", "-s", "-i", "spu_id", "-r", "ref", "trn", "-h", "hyp", "trn", title, *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True, timeout=60).stdout


def sclite_counts(pairs: list[tuple[list[str], list[str]]], folder: Path) -> list[list[int]]:
    """[n_ref, sub, del, ins] of each utterance."""
    found = {}
    for block in BLOCK.finditer(sclite(pairs, folder, "-o", "pralign", "stdout")):
        number, right, sub, deleted, inserted = map(int, block.groups())
        found[number] = [right + sub + deleted, sub, deleted, inserted]
    assert sorted(found) == list(range(len(pairs)))
    return [found[i] for i in range(len(pairs))]


def spell(text: str) -> list[str]:
    return [c.replace(" ", "_") for c in text]


@pytest.fixture(scope="module")
def lines() -> list[tuple[str, str]]:
    """Thousands of different (ref, hyp) of ours."""
    found = sorted({pair for run in RUNS for pair in committed(run).values()})
    assert len(found) > 2500
    return found


@needs_sctk
@pytest.mark.parametrize(("count", "split"), [(word_errors, str.split), (char_errors, spell)], ids=["words", "characters"])
def test_counts_of_our_hypotheses_are_sclites(lines, tmp_path, count, split):
    theirs = sclite_counts([(split(ref), split(hyp)) for ref, hyp in lines], tmp_path)
    assert [(pair, count(*pair)) for pair in lines] == list(zip(lines, theirs, strict=True))


@needs_sctk
def test_counts_of_random_words_are_sclites(tmp_path):
    """Three words in random order: many alignments cost the same, and one side may be empty."""
    rng = random.Random(5)
    pairs = [tuple(rng.choices("ABC", k=rng.randrange(12)) for _ in range(2)) for _ in range(3000)]
    ours = [word_errors(" ".join(ref), " ".join(hyp)) for ref, hyp in pairs]
    assert list(zip(pairs, ours, strict=True)) == list(zip(pairs, sclite_counts(pairs, tmp_path), strict=True))


@pytest.mark.parametrize(
    ("count", "ref", "hyp", "sclites", "jiwers"),
    [
        (word_errors, "C Z D Z W EIGHT", "C D E C W H", [6, 2, 1, 1], 4),  # jiwer: 4, 0, 0
        (
            word_errors,
            "M A R G A R E T M O R R I S O N",
            "M A G L CV L A E",
            [16, 0, 11, 3],
            13,
        ),  # jiwer: 5, 8, 0
        (char_errors, "NINETEEN", "EPEA NINE", [8, 0, 4, 5], 8),
    ],
)
def test_where_a_plain_levenshtein_alignment_counts_otherwise(count, ref, hyp, sclites, jiwers):
    """Hypotheses of ours; counts by sclite 2.10. Weights may cost errors: jiwer's total is the least there is."""
    plain = (jiwer.process_words if count is word_errors else jiwer.process_characters)(ref, hyp)
    assert plain.substitutions + plain.deletions + plain.insertions == jiwers
    assert count(ref, hyp) == sclites


def test_word_errors_are_hardly_ever_more_than_the_least_possible(lines):
    """jiwer's total is the least possible one; on these lines the WER is the same to the fourth digit."""
    ours = [sum(word_errors(*pair)[1:]) for pair in lines]
    out = [jiwer.process_words(*pair) for pair in lines]
    least = [o.substitutions + o.deletions + o.insertions for o in out]
    assert all(a >= b for a, b in zip(ours, least, strict=True))
    assert sum(ours) - sum(least) <= 1e-4 * sum(len(ref.split()) for ref, _ in lines)


@needs_sctk
@pytest.mark.parametrize("baseline", ["standalone_se_bandcrn-m_seed0", "mct_noisy_seed0", "log_mmse"])
def test_matched_pairs_are_those_of_sc_stats(tmp_path, baseline):
    """Segments, mean, standard deviation and Z over the 520 items of test_noisy, to the last digit printed."""
    a, b = committed("kd_bandcrn-m_seed0"), committed(baseline)
    items = [item for item in sorted(a, key=str) if item[:2] == ("test_noisy", 0)]
    assert len(items) == 520
    sgml = ""
    for name, system in (("first", a), ("second", b)):
        sclite([(ref.split(), hyp.split()) for ref, hyp in (system[item] for item in items)], tmp_path, "-o", "sgml", title=name)
        sgml += (tmp_path / "hyp.sgml").read_text()
    command = ["sctk", "sc_stats", "-p", "-t", "mapsswe", "-v", "-n", "-"]
    out = subprocess.run(command, input=sgml, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60).stdout
    ours = matched_pairs([segment for item in items for segment in segments(*a[item], b[item][1])])
    assert TEST.search(out).groups() == (str(ours.segments), f"{ours.mean:.3f}", f"{ours.deviation:.3f}", f"{ours.z:.3f}")
