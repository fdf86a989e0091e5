"""Downloads from a server on this machine: resumed, compared, and unpacked without leaving their folder."""

import hashlib
import http.server
import io
import tarfile
import threading
from pathlib import Path

import pytest

from kdse.core.errors import UserError
from kdse.data import download
from kdse.data.download import fetch, unpack

CONTENT = bytes(range(256)) * 20_000
"""5 MB."""
MD5 = hashlib.md5(CONTENT).hexdigest()


class Server(http.server.BaseHTTPRequestHandler):
    """Serves CONTENT. `ranges`: whether it goes on from the middle; `most`: bytes after which it hangs up."""

    ranges, most = True, len(CONTENT)
    asked: list[str | None]

    def do_GET(self):
        wanted = self.headers.get("Range")
        self.asked.append(wanted)
        if self.path == "/gone":
            return self.send_error(404)
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and self.ranges else 0
        if start >= len(CONTENT):
            return self.send_error(416)
        self.send_response(206 if wanted and self.ranges else 200)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        return self.wfile.write(CONTENT[start : start + self.most])

    def log_message(self, *_words):
        pass


@pytest.fixture
def server():
    """A class to be configured, and its address."""
    kind = type("OneServer", (Server,), {"asked": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), kind) as running:
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        yield kind, f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


def test_whole(server, tmp_path):
    kind, url = server
    for _ in range(2):
        fetch(f"{url}/x.tar.gz", tmp_path / "new" / "x.tar.gz", MD5)
    assert (tmp_path / "new" / "x.tar.gz").read_bytes() == CONTENT and kind.asked == [None]
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["x.tar.gz"]


def test_a_cut_download_goes_on(server, tmp_path):
    kind, url = server
    kind.most = 2_000_000
    with pytest.raises(UserError, match="the connection ended 3120000 bytes too early; run the same command again to go on"):
        fetch(f"{url}/x", tmp_path / "x", MD5)
    assert not (tmp_path / "x").exists() and (tmp_path / "x.part").stat().st_size == 2_000_000
    kind.most = len(CONTENT)
    fetch(f"{url}/x", tmp_path / "x", MD5)
    assert kind.asked == [None, "bytes=2000000-"] and (tmp_path / "x").read_bytes() == CONTENT


def test_a_server_that_cannot_go_on(server, tmp_path):
    kind, url = server
    kind.ranges = False
    (tmp_path / "x.part").write_bytes(b"what came before")
    fetch(f"{url}/x", tmp_path / "x", MD5)
    assert kind.asked == ["bytes=16-"] and (tmp_path / "x").read_bytes() == CONTENT


def test_killed_between_the_last_byte_and_the_check(server, tmp_path):
    (tmp_path / "x.part").write_bytes(CONTENT)
    fetch(f"{server[1]}/x", tmp_path / "x", MD5)
    assert (tmp_path / "x").read_bytes() == CONTENT and server[0].asked == [f"bytes={len(CONTENT)}-"]


def test_another_checksum(server, tmp_path):
    with pytest.raises(UserError, match=f"/x came damaged: its MD5 is {MD5}, not {'0' * 32}"):
        fetch(f"{server[1]}/x", tmp_path / "x", "0" * 32)
    assert not list(tmp_path.iterdir())


def test_no_server(server, tmp_path, monkeypatch):
    with pytest.raises(UserError, match="the server says 404"):
        fetch(f"{server[1]}/gone", tmp_path / "x", MD5)
    monkeypatch.setattr(download, "TIMEOUT", 1)
    with pytest.raises(UserError, match=r"cannot download http://127\.0\.0\.1:1/x: .*refused"):
        fetch("http://127.0.0.1:1/x", tmp_path / "x", MD5)


def tar(path: Path, *members: tuple[str, str]) -> Path:
    """An archive of (name, content), or of (name, '-> target') for a link."""
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            if content.startswith("-> "):
                info.type, info.linkname = tarfile.SYMTYPE, content[3:]
            info.size = 0 if info.issym() else len(content)
            archive.addfile(info, None if info.issym() else io.BytesIO(content.encode()))
    return path


def test_unpack(tmp_path):
    archive = tar(
        tmp_path / "a.tar.gz",
        ("L/LICENSE", "x"),
        ("L/dev/1/a", "one"),
        ("./L/dev/b", "two"),
        ("L/dev-other/c", "no"),
        ("/L/dev/d", "no"),
    )
    unpack(archive, "L/dev", tmp_path / "out" / "dev")
    unpacked = {str(p.relative_to(tmp_path / "out")): p.read_text() for p in (tmp_path / "out").rglob("*") if p.is_file()}
    assert unpacked == {"dev/1/a": "one", "dev/b": "two"}


@pytest.mark.parametrize(
    "member",
    [
        ("../evil", "x"),
        ("L/dev/../../../evil", "x"),
        ("L/dev/link", "-> ../../../evil"),
        ("L/dev/link", "-> /"),
    ],
)
def test_no_way_out(tmp_path, member):
    """Nothing is written outside, and the folder does not appear."""
    (tmp_path / "in").mkdir()
    archive, target = tar(tmp_path / "in" / "a.tar.gz", ("L/dev/a", "one"), member), tmp_path / "in" / "out" / "dev"
    with pytest.raises(UserError, match="is not unpacked: "):
        unpack(archive, "L/dev", target)
    assert not target.exists() and not list(tmp_path.rglob("evil"))


def test_what_cannot_be_unpacked(tmp_path):
    archive = tar(tmp_path / "a.tar.gz", ("L/dev/a", "one"))
    with pytest.raises(UserError, match="holds no folder L/train"):
        unpack(archive, "L/train", tmp_path / "train")
    archive.write_bytes(archive.read_bytes()[:40])
    with pytest.raises(UserError, match="cannot unpack"):
        unpack(archive, "L/dev", tmp_path / "dev")
    assert [p.name for p in tmp_path.iterdir()] == ["a.tar.gz"]
