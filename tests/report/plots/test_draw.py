"""The list of plots: each has its place in RESULTS.md, and each place its plot."""

import re
from pathlib import Path

from kdse.report.plots.draw import PLOTS
from kdse.report.render import sections


def test_every_plot_has_a_place_in_the_sections_and_the_other_way_round():
    text = Path(sections.__file__).read_text()
    named = set(re.findall(r'\("(\w+)", f?"[^"]+"\)', text))
    assert named == set(PLOTS)
