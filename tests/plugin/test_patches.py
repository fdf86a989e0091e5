"""ESPnet's import-time downloads and warnings never reach the user, whichever module of the plug-in comes first."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
QUIETING = {f"kdse.plugin.{name}" for name in ("quiet", "register", "model", "task", "enh_train")}
PLUGIN = sorted((ROOT / "kdse/plugin").rglob("*.py"))


def imports(body: list[ast.stmt]) -> list[str]:
    """The modules that a block imports, in order, without those of functions inside it."""
    names = []
    for node in body:
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names.append(node.module or "")
    return names


@pytest.mark.parametrize("path", PLUGIN, ids=lambda p: p.stem)
def test_espnet_is_imported_after_it_was_quieted(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    top = imports(tree.body)
    functions = [imports(node.body) for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    for block in [top, *([*top, *inner] for inner in functions)]:
        first = next((i for i, name in enumerate(block) if name.split(".")[0] in ("espnet", "espnet2")), None)
        if first is not None and path.stem != "quiet":
            assert {*block[:first]} & QUIETING, f"import kdse.plugin.quiet before {block[first]}"


def test_espnets_functions_are_as_they_were_written_and_typeguard_is_itself_again():
    import typeguard

    from kdse.plugin import quiet  # noqa: F401  isort: skip
    from espnet2.enh.espnet_model import ESPnetEnhancementModel

    assert "typeguard" not in ESPnetEnhancementModel.__init__.__code__.co_names

    @typeguard.typechecked
    def double(x: int) -> int:
        return 2 * x

    with pytest.raises(typeguard.TypeCheckError):
        double("a")


@pytest.mark.slow
def test_importing_the_plug_in_prints_nothing():
    done = subprocess.run([sys.executable, "-c", "import kdse.plugin.model"], capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
