"""`command:`, a program from elsewhere: how its lines are read, and each way in which it can fail."""

import os
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from kdse.core.errors import UserError
from kdse.recognisers.command import Command, CommandOptions
from kdse.recognisers.pocketsphinx import PocketSphinx, PocketSphinxOptions
from kdse.recognisers.registry import read_recogniser

ROOT = Path(__file__).resolve().parents[2]

WAVES = [np.zeros(1600, np.float32), np.full(3200, 0.5, np.float32)]
PATHS = "paths = open(sys.argv[1]).read().splitlines()\n"
NAMES = "names = [line.strip().rsplit('/', 1)[1][:-4] for line in open(sys.argv[1])]\n"


def listen(tmp_path, code: str, **options) -> list[str]:
    """What a program hears in two waves."""
    (tmp_path / "listen.py").write_text(f"import os, sys, time\n{code}")
    command = Command(CommandOptions(command=(sys.executable, str(tmp_path / "listen.py")), **options))
    return [h.words for h in command.transcribe(WAVES)]


@pytest.mark.parametrize(
    "code",
    [
        "print('ONE'); print('TWO  THREE ')",
        NAMES + "print(names[1], 'TWO  THREE'); print(names[0] + '.wav\\tONE')",
        PATHS + "print(paths[0], 'ONE'); print(); print(paths[1], 'TWO  THREE')",
        PATHS + "print(paths[0] + ': ONE'); print(os.path.realpath(paths[1]) + ':TWO  THREE')",
        NAMES + "print(names[1] + ', TWO  THREE', end='\\r\\n'); print(names[0], ': ONE')",
        "print('\\ufeffONE', end='\\r\\n'); print('TWO  THREE'); print(); print()",
        NAMES + "print('\\ufeff' + names[0], 'ONE'); print(names[1], 'TWO  THREE')",
    ],
    ids=["in order", "by name, in any order", "by path", "by path: ", "by name, ", "blank lines at the end", "byte order mark"],
)
@pytest.mark.parametrize("folder", ["plain", "with a space"])
def test_lines_are_read_in_order_or_by_name(tmp_path, monkeypatch, code, folder):
    """Whatever the folder is called that the files are in."""
    (tmp_path / "real").mkdir()
    (tmp_path / folder).symlink_to("real")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / folder))
    monkeypatch.setenv("PYTHONIOENCODING", "utf-8")
    assert listen(tmp_path, code) == ["ONE", "TWO  THREE"]


@pytest.mark.parametrize("mark", ["\\u2028", "\\f", "\\x85"])
def test_a_line_ends_at_its_end_alone(tmp_path, monkeypatch, mark):
    """Not where Python's splitlines sees an end, too."""
    monkeypatch.setenv("PYTHONIOENCODING", "utf-8")
    assert [words.split() for words in listen(tmp_path, f"print('A{mark}B'); print('C')")] == [["A", "B"], ["C"]]


def test_nothing_heard_is_a_hypothesis_too(tmp_path):
    assert listen(tmp_path, NAMES + "print(names[0]); print(names[1], 'A')") == ["", "A"]
    assert listen(tmp_path, "print(); print('A')") == ["", "A"]
    assert listen(tmp_path, "print('A'); print()") == ["A", ""]
    assert listen(tmp_path, "print(); print(); print()") == ["", ""]


def test_the_list_may_come_on_standard_input(tmp_path):
    code = "import wave\nassert len(sys.argv) == 1\n"
    code += "for line in sys.stdin: print(wave.open(line.strip()).getnframes())"
    assert listen(tmp_path, code, stdin=True) == ["1600", "3200"]


def test_samples_are_those_of_the_waves(tmp_path):
    """16-bit WAV; 0.5 is 16384."""
    code = "import wave\nfor p in open(sys.argv[1]).read().split():\n"
    code += "    print(int.from_bytes(wave.open(p).readframes(1), 'little'))"
    assert listen(tmp_path, code) == ["0", "16384"]


@pytest.mark.parametrize(
    "code, message",
    [
        ("print('no model', file=sys.stderr); sys.exit(3)", r"failed \(exit code 3\); it said: no model$"),
        ("print('1\\n2\\n3\\n4\\n5', file=sys.stderr); sys.exit(1)", r"it said: 3 / 4 / 5$"),
        ("print('to stdout'); sys.exit(1)", r"it said: to stdout$"),
        ("os.kill(os.getpid(), 9)", r"failed \(exit code -9\)$"),
        ("print('ONE')", "printed 1 lines for 2 files$"),
        ("print('A\\nB\\nC'); print('hm', file=sys.stderr)", "printed 3 lines for 2 files; it said: hm$"),
        (NAMES + "print(names[0], 'A')", "printed no line for 1 of 2 files, the first kdse000001.wav"),
        (NAMES + "print(names[0], 'A'); print(names[0], 'B')", "printed two lines for kdse000000.wav"),
        (NAMES + "print(names[0], 'A'); print('done'); print(names[1])", "begins with no name of a file, while others do: 'done'"),
        (NAMES + "for n in names: print('file', n, 'A')", "printed the name of a file amid words: 'file kdse000000 A'"),
        (NAMES + "for n in names: print(n + '.flac A')", "printed the name of a file amid words: 'kdse000000.flac A'"),
        (NAMES + "for n in names: print(n.upper(), 'A')", "printed the name of a file amid words: 'KDSE000000 A'"),
        (NAMES + "for n in names: print(n, n, 'A')", "printed the name of a file amid words: 'kdse000000 A'"),
        ("print('A\\0B'); print('C')", r"printed a control character: 'A\\x00B'"),
        ("print('A'); print('1%\\r2%\\rB')", r"printed a control character: '1%\\r2%\\rB'"),
        (NAMES + "for n in names: print(n, '\\33[1mA')", r"printed a control character: '\\x1b\[1mA'"),
    ],
)
def test_what_goes_wrong_is_one_sentence(tmp_path, code, message):
    with pytest.raises(UserError, match=message) as e:
        listen(tmp_path, code)
    assert "\n" not in str(e.value) and str(e.value).startswith(f"the command '{sys.executable}' ")


def test_a_program_that_is_not_there():
    with pytest.raises(UserError, match="the command '/no/such/program' cannot be run: No such file"):
        Command(CommandOptions(command=("/no/such/program",))).transcribe(WAVES)


def test_the_time_limit_ends_the_program_and_what_it_started(tmp_path):
    """Its child would write a file after 3 s, if it lived."""
    late = tmp_path / "late"
    code = f"import subprocess\nsubprocess.Popen([sys.executable, '-c', \"import time; time.sleep(3); open('{late}', 'w')\"])\n"
    code += "print('still here', file=sys.stderr, flush=True)\ntime.sleep(60)"
    started = time.monotonic()
    with pytest.raises(UserError, match=r"it was ended after time_limit, 1.5 s.*; it said: still here"):
        listen(tmp_path, code, time_limit=1.5)
    assert time.monotonic() - started < 30
    time.sleep(3)
    assert not late.exists()


def test_what_it_left_running_ends_with_it(tmp_path):
    """After a normal end, too: its child would write a file after 1 s, if it lived."""
    late = tmp_path / "late"
    code = f"import subprocess\nsubprocess.Popen([sys.executable, '-c', \"import time; time.sleep(1); open('{late}', 'w')\"])\n"
    assert listen(tmp_path, code + "print('A'); print('B')") == ["A", "B"]
    time.sleep(2)
    assert not late.exists()


def test_the_example_of_conf_is_heard_from_a_recipe(monkeypatch):
    """conf/decode/command.yaml names a program that is there, which hears what PocketSphinx hears."""
    pytest.importorskip("pocketsphinx", reason="an extra, 'recognisers', which 'make setup' installs")
    monkeypatch.chdir(ROOT / "egs" / "mini" / "kd1")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    name, options = read_recogniser(ROOT / "conf" / "decode" / "command.yaml")
    seconds = np.arange(16000) / 16000
    vowel = 0.2 * sum(np.sin(2 * np.pi * f * seconds) * np.exp(-(((f - 700) / 200) ** 2)) for f in range(120, 4800, 120))
    waves = [vowel.astype(np.float32), np.zeros(1600, np.float32)]
    expected = PocketSphinx(PocketSphinxOptions()).transcribe(waves)
    assert any(h.words for h in expected)
    assert name == "command" and [h.words for h in Command(options).transcribe(waves)] == [h.words for h in expected]
