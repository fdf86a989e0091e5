"""Commands as enhancers: their form, what they read and write, and how they fail."""

import sys

import numpy as np
import pytest

from kdse.compare.command import Command, parse_command
from kdse.core.errors import UserError

LATE = """import sys, soundfile, numpy
x, rate = soundfile.read(sys.argv[1])
soundfile.write(sys.argv[2], numpy.pad(0.5 * x, (32, 0)), rate)
"""


@pytest.fixture
def late(tmp_path) -> Command:
    """A program that halves its input and puts two milliseconds in front, at 16 kHz."""
    script = tmp_path / "late one.py"
    script.write_text(LATE)
    return parse_command(f"late={sys.executable} '{script}' {{in}} {{out}}")


def test_a_command_enhances(late):
    signal = np.round(1000 * np.random.default_rng(0).standard_normal(8000)).astype(np.float32) / 32768
    found = late.load()()(signal)
    np.testing.assert_allclose(found[32:], 0.5 * signal, atol=1 / 32768)
    assert late.name == "late" and late.rate == 16000


def test_its_program_is_part_of_its_state(late, tmp_path):
    before = late.state()
    (tmp_path / "late one.py").write_text(LATE + "\n")
    assert before != late.state()


def test_a_rate_of_its_own():
    assert parse_command("x@48000=cp {in} {out}").rate == 48000
    signal = np.round(1000 * np.random.default_rng(0).standard_normal(4800)).astype(np.float32) / 32768
    np.testing.assert_array_equal(parse_command("x@48000=cp {in} {out}").load()()(signal), signal)


@pytest.mark.parametrize(
    "text, message",
    [
        ("cp {in} {out}", "--command is 'NAME=program {in} {out}'"),
        ("x=cp {in}", "--command is 'NAME="),
        ("x=cp {in} {in} {out}", "--command is 'NAME="),
        ("=cp {in} {out}", "--command is 'NAME="),
        ("x=", "--command is 'NAME="),
        ("x=cp '{in} {out}", "No closing quotation"),
        ("x=kdse-no-such-program {in} {out}", "there is no program 'kdse-no-such-program'"),
        ("x@4000=cp {in} {out}", "a rate is from 8000 to 192000 Hz, not 4000"),
    ],
)
def test_what_is_no_command(text, message):
    with pytest.raises(UserError) as e:
        parse_command(text)
    assert message in str(e.value)


@pytest.mark.parametrize(
    "code, message",
    [
        ("import sys; print('at work'); sys.exit('no weights')", "failed (exit code 1); it said: no weights"),
        ("pass", "wrote no {out}"),
        ("import sys; open(sys.argv[2], 'w').write('x')", "wrote no sound file"),
    ],
)
def test_failures_are_one_sentence(code, message):
    command = Command("x", (sys.executable, "-c", code, "{in}", "{out}"))
    with pytest.raises(UserError) as e:
        command.load()()(np.zeros(1600, np.float32))
    assert message in str(e.value) and "\n" not in str(e.value)
