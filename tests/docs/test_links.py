"""README and docs name only what is there, in lines that can be read."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(path for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
FOLDERS = ("kdse", "docs", "conf", "egs", "tests", "tools", "utils")
PLACEHOLDER = re.compile(r"\bNAME\b|<\w+>")


def without_code(text: str) -> str:
    """The text with blocks of code, fenced or indented, as empty lines."""
    lines, fenced = [], False
    for line in text.splitlines():
        if line.startswith("```"):
            fenced = not fenced
            line = ""
        lines.append("" if fenced or line.startswith("    ") else line)
    return "\n".join(lines)


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub makes of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", without_code(page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def missing_links(page: Path) -> list[str]:
    """Relative links of a page whose file, or whose heading, is not there."""
    missing = []
    for target in re.findall(r"\]\(([^)\s]+)\)", without_code(page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        path = page.parent / name if name else page
        if not path.exists() or (anchor and anchor not in anchors(path)):
            missing.append(target)
    return missing


def may_be_made(path: str) -> bool:
    own_recipe = path.startswith("egs/") and not (ROOT / "egs" / path.split("/")[1]).exists()
    return own_recipe or (ROOT / path).parent.is_dir()


def missing_paths(page: Path) -> list[str]:
    """Paths in backticks that begin with a folder of the repository and name nothing in it.

    A how-to also names what the reader makes: a file of a folder that exists, or of a recipe of their own.
    """
    how_to = page.name.startswith("adding_")
    missing = []
    for quoted in re.findall(r"`([^`\n]+)`", without_code(page.read_text(encoding="utf-8"))):
        for word in quoted.split():
            path = word.rstrip(".,:;")
            if path.split("/")[0] not in FOLDERS or "/" not in path or PLACEHOLDER.search(path):
                continue
            if not any(ROOT.glob(path.rstrip("/"))) and not (how_to and may_be_made(path)):
                missing.append(path)
    return missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_names_exists(page):
    assert missing_links(page) == []
    assert missing_paths(page) == []


def test_the_checks_find_what_is_wrong(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# A b\n\n[x](#a-b) [y](#c) [z](none.md) `kdse/core/none.py` `kdse/core`\n", encoding="utf-8")
    assert missing_links(page) == ["#c", "none.md"]
    assert missing_paths(page) == ["kdse/core/none.py"]


def test_every_page_is_in_the_index():
    index = (ROOT / "docs/README.md").read_text(encoding="utf-8")
    assert [path.name for path in ROOT.glob("docs/*.md") if path.name != "README.md" and f"({path.name})" not in index] == []


def test_every_decision_is_in_the_index():
    index = (ROOT / "docs/decisions/README.md").read_text(encoding="utf-8")
    pages = [path.name for path in ROOT.glob("docs/decisions/*.md") if path.name != "README.md"]
    assert [name for name in pages if f"({name})" not in index] == []
    assert [name for name in pages if "**Decided**" not in (ROOT / "docs/decisions" / name).read_text(encoding="utf-8")] == []


def sources() -> list[Path]:
    """Text files of the repository, without what runs made."""
    paths = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*")] + list(ROOT.glob("*.*"))
    made = {"exp", "dump", "data", "results"}
    return [
        path
        for path in paths
        if path.suffix in {".py", ".sh", ".md", ".yaml", ".toml", ".c"}
        and not (path.is_relative_to(ROOT / "egs") and made & set(path.relative_to(ROOT).parts))
    ]


def test_nothing_cites_pages_that_are_not_here():
    """The design page of the first days was never committed, and docs/decisions is a folder now."""
    gone = ["DESI" + "GN", "decisions" + ".md"]
    assert [path for path in sources() if any(name in path.read_text(encoding="utf-8") for name in gone)] == []
