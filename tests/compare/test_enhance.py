"""Recordings through systems: aligned, resumed where they were cut, done again where anything changed, and failures named."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from kdse.compare.enhance import enhance
from kdse.compare.recordings import look, read_recordings
from kdse.compare.systems import Function, Mixed, System, Untouched
from kdse.core.errors import UserError
from kdse.data.audio import read_audio
from kdse.enhancers.align import at_rate


@dataclass(frozen=True)
class Late(System):
    """Halves what it hears, and gives it `late` samples later at its rate; it notes each call in a file."""

    calls: Path
    rate: int = 48000
    late: int = 480
    fails: bool = False
    name = "late"
    kind = "peer"

    def state(self) -> dict[str, Any]:
        return {"late": self.late}

    def load(self) -> Callable[[], Function]:
        return lambda: self._enhance

    def _enhance(self, signal: np.ndarray) -> np.ndarray:
        with open(self.calls, "a") as f:
            f.write(f"{len(signal)}\n")
        if self.fails:
            raise ValueError("no such\nlayer")
        return np.pad(0.5 * signal, (self.late, 0))[: len(signal)]

    def count(self) -> int:
        found = len(self.calls.read_text().splitlines()) if self.calls.exists() else 0
        self.calls.unlink(missing_ok=True)
        return found


@pytest.fixture
def work(mine, tmp_path):
    """What enhances `mine` with a system, and the system."""

    def run(system: System, nj: int = 1):
        recordings = read_recordings(mine)
        return enhance(system, recordings, look(recordings, 1), tmp_path / "out", nj)

    return run, Late(tmp_path / "calls")


def test_what_is_late_is_measured_and_taken_back(work, mine):
    run, system = work
    found = run(system)
    assert (found.late, found.apart) == (0.01, 0) and found.rtf > 0 and found.clipped == 0
    for key, path in found.files.items():
        noisy = read_audio(mine / "noisy" / f"{key}.wav")
        enhanced = read_audio(path)
        assert enhanced.shape == noisy.shape
        inside = slice(100, -100)  # resampling there and back changes what lies at the ends, and above 7.6 kHz
        low = [at_rate(x.astype(np.float32), 16000, 8000)[inside] for x in (0.5 * noisy, enhanced)]
        assert np.std(low[0] - low[1]) < 0.02 * np.std(low[0])


def test_noisy_stays_to_the_bit_and_has_no_rtf(work, mine):
    found = work[0](Untouched("noisy"))
    np.testing.assert_array_equal(read_audio(found.files["b"]), read_audio(mine / "noisy" / "b.wav"))
    assert found.rtf is None


def test_what_is_done_is_not_done_again(work, mine):
    run, system = work
    first = run(system)
    assert system.count() == 1 + 3 + 3  # to warm up, to measure, to enhance; loaded once in this process
    assert run(system) == first and system.count() == 0
    first.files["a"].unlink()
    assert run(system).sha256 == first.sha256 and system.count() == 1
    samples, _ = soundfile.read(mine / "noisy" / "b.wav")
    soundfile.write(mine / "noisy" / "b.wav", samples[::-1], 16000)
    soundfile.write(mine / "noisy" / "d.wav", samples, 16000)
    (mine / "text").unlink()
    changed = run(system)
    assert system.count() == 2 and changed.sha256["a"] == first.sha256["a"] and changed.sha256["b"] != first.sha256["b"]


def test_another_state_is_measured_and_done_again(work, tmp_path, capsys):
    run, system = work
    run(system)
    system.count()
    other = Late(system.calls, late=960)
    found = run(other)
    assert found.late == 0.02 and other.count() == 1 + 3 + 3
    assert "late: done again, because " in capsys.readouterr().out


def test_processes_give_the_same(work, tmp_path):
    run, system = work
    one = run(system)
    for path in one.files.values():
        path.unlink()
    two = run(system, nj=2)
    assert one.sha256 == two.sha256


def test_failures_name_the_system_the_file_and_the_reason(work, tmp_path):
    run, system = work
    with pytest.raises(UserError, match=r"^late, .*noisy/c.wav: ValueError: no such$"):
        run(Late(system.calls, fails=True))
    assert not (tmp_path / "out" / "audio").exists()


def test_a_cut_run_goes_on(work, tmp_path, monkeypatch):
    """Killed after the first recording, it has that one already."""
    run, system = work
    whole = run(system)
    kept = tmp_path / "out" / "work" / "late" / "enhanced.jsonl"
    lines = kept.read_text().splitlines(keepends=True)
    kept.write_text("".join(lines[:2]) + lines[2][:9])
    system.count()
    assert run(system).sha256 == whole.sha256 and system.count() == 2


def test_observation_adding_of_a_late_system_at_another_rate(work):
    """The noisy share is that of `noisy`, sample by sample: neither late nor resampled there and back."""
    run, late = work
    plain, mixed, alone = (run(system).files["a"] for system in (late, Mixed(late, 0.5), Mixed(late, 1.0)))
    noisy = run(Untouched("noisy")).files["a"]
    plain, mixed, alone, noisy = (soundfile.read(path)[0] for path in (plain, mixed, alone, noisy))
    np.testing.assert_array_equal(alone, noisy)
    np.testing.assert_allclose(mixed, (plain + noisy) / 2, rtol=0, atol=1 / 32768)
