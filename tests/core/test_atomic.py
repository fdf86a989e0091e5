"""Files appear whole or not at all, whatever happens to the process that writes them."""

import os
import signal
import subprocess
import sys

import pytest

from kdse.core.atomic import atomic_dir, atomic_path
from kdse.core.errors import UserError
from kdse.core.files import write_text


def test_path_appears_when_the_block_ends(tmp_path):
    path = tmp_path / "new" / "a.tar.gz"
    with atomic_path(path) as part:
        part.write_text("x")
        assert part.name == path.name and not path.exists()
    assert path.read_text() == "x" and [p.name for p in path.parent.iterdir()] == ["a.tar.gz"]


@pytest.mark.parametrize("atomic", [atomic_path, atomic_dir])
def test_an_error_keeps_what_was_there(tmp_path, atomic):
    write_text(tmp_path / "d" / "old", "old")
    path = tmp_path / "d" / "old" if atomic is atomic_path else tmp_path / "d"
    with pytest.raises(RuntimeError), atomic(path) as part:
        (part if atomic is atomic_path else part / "f").write_text("half")
        raise RuntimeError
    assert (tmp_path / "d" / "old").read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["d"] and [p.name for p in (tmp_path / "d").iterdir()] == ["old"]


def test_a_folder_is_replaced_whole(tmp_path):
    for name in ("one", "two"):
        with atomic_dir(tmp_path / "d") as part:
            (part / name).write_text("x")
    assert [p.name for p in (tmp_path / "d").iterdir()] == ["two"] and [p.name for p in tmp_path.iterdir()] == ["d"]


@pytest.mark.parametrize("atomic", [atomic_path, atomic_dir])
@pytest.mark.parametrize("folder, reason", [("file", "File exists"), ("file/deeper", "Not a directory")])
def test_a_place_that_cannot_be_written_is_named(tmp_path, atomic, folder, reason):
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match=f"cannot write to {tmp_path / folder}: {reason}"), atomic(tmp_path / folder / "a"):
        raise AssertionError
    assert (tmp_path / "file").read_text() == "x"


def test_a_folder_without_the_right_to_write_is_named(tmp_path, monkeypatch):
    """The right is taken away by hand: root has it everywhere."""

    def refuse(**_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.mkdtemp", refuse)
    with pytest.raises(UserError, match=f"cannot write to {tmp_path}: Permission denied"):
        write_text(tmp_path / "a", "x")


HALF = """
import sys, time
from kdse.core.errors import UserError
from kdse.core.atomic import atomic_dir
with atomic_dir(sys.argv[1]):
    print(flush=True)
    time.sleep(60)
"""


def test_what_a_killed_process_left_is_removed_but_not_what_is_in_use(tmp_path):
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    run = [sys.executable, "-c", HALF, str(tmp_path / "d")]
    with subprocess.Popen(run, stdout=subprocess.PIPE, env=env) as process:
        process.stdout.readline()
        (busy,) = tmp_path.iterdir()
        with atomic_dir(tmp_path / "d"):
            assert busy.exists()
        process.send_signal(signal.SIGKILL)
    assert busy.exists()
    with atomic_dir(tmp_path / "d"):
        assert not busy.exists()
    assert [p.name for p in tmp_path.iterdir()] == ["d"]


@pytest.mark.parametrize("links", [True, False])
def test_what_appeared_meanwhile_stays(tmp_path, monkeypatch, links):
    """Also on a file system without hard links."""

    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    if not links:
        monkeypatch.setattr("os.link", refuse)
    with atomic_path(tmp_path / "a", replace=False) as part:
        part.write_text("first")
    with pytest.raises(UserError, match=f"^{tmp_path / 'a'} exists already"), atomic_path(tmp_path / "a", replace=False) as part:
        part.write_text("second")
    assert (tmp_path / "a").read_text() == "first" and [p.name for p in tmp_path.iterdir()] == ["a"]


def test_a_name_as_long_as_the_file_system_allows(tmp_path):
    write_text(tmp_path / ("ü" * 125 + ".wav"), "x")
    assert [len(path.name) for path in tmp_path.iterdir()] == [129]
