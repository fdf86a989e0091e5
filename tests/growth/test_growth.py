"""Memory of the stages that go through a whole corpus: no audio and no finished result stays, only what names an utterance."""

import subprocess
import sys
from pathlib import Path

SIMULATE = Path(__file__).with_name("simulate.py")
KB = {1: 4, 2: 5}
"""Of peak memory for one more utterance, at most: about three times what docs/cost.md states. Its audio alone would be 16."""


def measured(utterances: int, folder: Path) -> dict[int, float]:
    """{stage: peak MB}, with two processes."""
    words = ["--utterances", utterances, "--held_out", 6, "--nj", 2, "--folder", folder, "--stages", *KB]
    done = subprocess.run([sys.executable, SIMULATE, *map(str, words)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not list(folder.iterdir())
    return {int(line.split()[0]): float(line.split()[4]) for line in done.stdout.splitlines()[1:]}


def test_memory_for_one_more_utterance(tmp_path):
    """The difference of two sizes, so that what Python and its libraries need does not count."""
    small, large = 300, 2700
    before, after = measured(small, tmp_path), measured(large, tmp_path)
    grown = {stage: 1024 * (after[stage] - before[stage]) / (large - small) for stage in KB}
    assert all(grown[stage] < KB[stage] for stage in KB), grown
