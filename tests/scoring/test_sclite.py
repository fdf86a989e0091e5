"""How far jiwer's counts are from those of NIST's sclite, and matched pairs beside NIST's `sc_stats` (Debian package sctk).

What needs sctk is skipped without it; counts that sclite gave are recorded in sclite_counts.tsv, so that the distance is checked
everywhere.
"""

import random
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from kdse.scoring.matched_pairs import Segment, matched_pairs, segments, segments_of
from kdse.scoring.row import read_rows
from kdse.scoring.words import Pair, align, char_errors, word_errors

RESULTS = Path(__file__).parents[2] / "egs/an4_noisy/kd1/results"
RUNS = ("mct_noisy_seed0", "log_mmse", "standalone_se_bandcrn-m_seed0", "kd_bandcrn-m_seed0")
BLOCK = re.compile(r"id: \(s-(\d+)\)\nScores: \(#C #S #D #I\) (\d+) (\d+) (\d+) (\d+)")
TEST = re.compile(r"# segs: (\d+)\).*\(mean: (\S+)\) \(std dev: (\S+)\) \(Z Stat: (\S+)\)")
STEP = re.compile(r'[CSDI],(?:"([^"]*)")?,(?:"([^"]*)")?')
COUNTERS = pytest.mark.parametrize(("count", "most"), [(word_errors, 1e-4), (char_errors, 2e-3)], ids=["words", "characters"])
"""The two counts, and the share of the errors by which sclite may count more."""

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
    counts = {}
    for block in BLOCK.finditer(sclite(pairs, folder, "-o", "pralign", "stdout")):
        number, right, sub, deleted, inserted = map(int, block.groups())
        counts[number] = [right + sub + deleted, sub, deleted, inserted]
    assert sorted(counts) == list(range(len(pairs)))
    return [counts[i] for i in range(len(pairs))]


def as_words(text: str, count) -> list[str]:
    """A text as sclite takes it: words, or characters as words."""
    return text.split() if count is word_errors else [c.replace(" ", "_") for c in text]


def total(counts: list[int]) -> int:
    """Errors of [n_ref, sub, del, ins]."""
    return sum(counts[1:])


def recorded() -> Iterator[tuple[tuple[str, str], dict]]:
    """((ref, hyp), {function that counts: sclite's [sub, del, ins]}) of each recorded pair."""
    for line in Path(__file__).with_name("sclite_counts.tsv").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            ref, hyp, words, chars = line.split("\t")
            yield (ref, hyp), {word_errors: [*map(int, words.split())], char_errors: [*map(int, chars.split())]}


@pytest.mark.parametrize(
    ("count", "pairs_with_more", "sclites", "ours"),
    [(word_errors, 0, 7970, 7970), (char_errors, 20, 19302, 19280)],
    ids=["words", "characters"],
)
def test_distance_from_sclite_on_recorded_pairs(count, pairs_with_more, sclites, ours):
    """jiwer's total is the least possible one, and sclite's hardly ever more."""
    totals = [(sum(counts[count]), total(count(*pair))) for pair, counts in recorded()]
    assert len(totals) == 2000 and all(theirs >= least for theirs, least in totals)
    assert sum(theirs > least for theirs, least in totals) == pairs_with_more
    assert [sum(side) for side in zip(*totals, strict=True)] == [sclites, ours]


@pytest.mark.parametrize(
    ("ref", "hyp", "sclites", "ours"),
    [
        ("D A J N H NINETY SIX", "N EIGHT H AND E H HUNDRED", [7, 2, 3, 3], [7, 5, 1, 1]),
        ("M A R G A R E T M O R R I S O N", "M A G L CV L A E", [16, 0, 11, 3], [16, 5, 8, 0]),
        ("M C K E E S P O R T", "E S Z A E L R D", [10, 3, 4, 2], [10, 6, 2, 0]),
        ("P L E A S A N T H I L L S", "SEVEN AND E S HUNDRED EIGHT TEN A N SEVEN", [13, 3, 6, 3], [13, 8, 3, 0]),
    ],
)
def test_the_four_committed_pairs_of_24518_whose_word_errors_differ(ref, hyp, sclites, ours):
    """sclite takes two deletions with two insertions for no worse than three substitutions, and counts one error more."""
    assert word_errors(ref, hyp) == ours and total(sclites) == total(ours) + 1


@needs_sctk
@COUNTERS
def test_recorded_counts_are_sclites(count, most, tmp_path):
    pairs = list(recorded())
    theirs = sclite_counts([tuple(as_words(text, count) for text in pair) for pair, _ in pairs], tmp_path)
    assert [counts[1:] for counts in theirs] == [counts[count] for _, counts in pairs]


@needs_sctk
@COUNTERS
def test_distance_from_sclite_on_committed_pairs(count, most, tmp_path):
    pairs = sorted({pair for run in RUNS for pair in committed(run).values()})
    assert len(pairs) > 2500
    theirs = sclite_counts([tuple(as_words(text, count) for text in pair) for pair in pairs], tmp_path)
    ours = [count(*pair) for pair in pairs]
    assert [n for n, *_ in ours] == [n for n, *_ in theirs]
    assert all(total(a) <= total(b) for a, b in zip(ours, theirs, strict=True))
    assert sum(map(total, theirs)) - sum(map(total, ours)) <= most * sum(map(total, theirs))


@needs_sctk
def test_random_words_have_no_more_errors_than_sclite_finds(tmp_path):
    """Three words in random order: many alignments cost the same, and one side may be empty."""
    rng = random.Random(5)
    pairs = [tuple(rng.choices("ABC", k=rng.randrange(12)) for _ in range(2)) for _ in range(3000)]
    ours = [word_errors(" ".join(ref), " ".join(hyp)) for ref, hyp in pairs]
    theirs = sclite_counts(pairs, tmp_path)
    assert [n for n, *_ in ours] == [n for n, *_ in theirs]
    assert all(total(a) <= total(b) for a, b in zip(ours, theirs, strict=True))


def sclite_alignments(sgml: str) -> list[list[Pair]]:
    """The alignment of each utterance in what `sclite -o sgml` writes."""
    paths = re.findall(r"<PATH[^>]*>\n(.*)\n</PATH>", sgml)
    return [[(ref or None, hyp or None) for ref, hyp in STEP.findall(path)] for path in paths]


def statistics(of_items: list[list[Segment]]) -> tuple[str, ...]:
    """The matched-pairs test as sc_stats prints it: segments, mean, standard deviation and Z."""
    test = matched_pairs([segment for of_item in of_items for segment in of_item])
    return str(test.segments), f"{test.mean:.3f}", f"{test.deviation:.3f}", f"{test.z:.3f}"


@needs_sctk
@pytest.mark.parametrize("baseline", ["standalone_se_bandcrn-m_seed0", "mct_noisy_seed0", "log_mmse"])
def test_matched_pairs_are_those_of_sc_stats(tmp_path, baseline):
    """Over the 520 items of test_noisy: to the last digit of sclite's own alignments, and within 1 % of jiwer's."""
    a, b = committed("kd_bandcrn-m_seed0"), committed(baseline)
    items = [item for item in sorted(a, key=str) if item[:2] == ("test_noisy", 0)]
    assert len(items) == 520
    sgml = []
    for name, system in (("first", a), ("second", b)):
        sclite([(ref.split(), hyp.split()) for ref, hyp in (system[item] for item in items)], tmp_path, "-o", "sgml", title=name)
        sgml.append((tmp_path / "hyp.sgml").read_text())
    command = ["sctk", "sc_stats", "-p", "-t", "mapsswe", "-v", "-n", "-"]
    out = subprocess.run(command, input="".join(sgml), cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60).stdout
    theirs = TEST.search(out).groups()
    assert statistics([segments_of(*pair) for pair in zip(*map(sclite_alignments, sgml), strict=True)]) == theirs
    ours = statistics([segments(*a[item], b[item][1]) for item in items])
    assert [*map(float, ours)] == pytest.approx([*map(float, theirs)], rel=0.01)


def test_an_alignment_holds_both_texts_and_the_counted_errors():
    for (ref, hyp), _ in recorded():
        pairs = align(ref, hyp)
        texts = [[word for word in side if word is not None] for side in zip(*pairs, strict=True)] or [[], []]
        assert texts == [ref.split(), hyp.split()]
        assert sum(one != other for one, other in pairs) == total(word_errors(ref, hyp))
