"""What is committed as results is what the committed rows render; run
`kdse report --publish --recipe egs/<corpus>/kd1` where this fails."""

from pathlib import Path

import pytest

from kdse.report.render.files import stale_files

RECIPES = sorted((Path(__file__).parents[2] / "egs").glob("*/kd1"))


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.parent.name)
def test_results_are_what_the_rows_render(recipe):
    assert stale_files(recipe) == []
