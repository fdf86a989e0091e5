"""Manifests: a set is made again from its manifest bit for bit, and what differs is seen."""

import json
from pathlib import Path

import numpy as np

from kdse.data.audio import read_audio
from kdse.data.datadir import read_table
from kdse.data.manifest import checksum, read_manifest, rebuild


def test_manifest_rebuilds_every_bit(staged, kdse):
    for name in ("dev_noisy", "test_noisy", "test_clean"):
        scp = read_table(f"dump/{name}/wav.scp")
        for line in read_manifest(Path("dump", name)):
            again = rebuild(line)
            assert np.array_equal(again, read_audio(scp[line["id"]])) and checksum(again) == line["sha256"]
        code, out, _ = kdse("mix", "--rebuild", f"dump/{name}")
        assert code == 0 and "rebuilt bit for bit" in out


def test_rebuild_sees_one_wrong_bit(staged, kdse):
    ark = staged / "dump" / "test_noisy" / "wav.ark"
    data = bytearray(ark.read_bytes())
    data[-1] ^= 1
    ark.write_bytes(data)
    code, out, _ = kdse("mix", "--rebuild", "dump/test_noisy", "--nj", 2)
    assert code == 1 and "1 of 16 items differ" in out


def test_rebuild_sees_a_changed_source_or_line(staged, kdse):
    path = staged / "dump" / "test_noisy" / "manifest.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    first = json.loads(lines[0])
    path.write_text(json.dumps({**first, "offset": first["offset"] + 1}) + "\n" + "".join(lines[1:]))
    code, out, _ = kdse("mix", "--rebuild", "dump/test_noisy")
    assert code == 1 and first["id"] in out
    path.write_text("".join(lines[1:]))
    assert kdse("mix", "--rebuild", "dump/test_noisy")[0] == 1
    path.write_text("".join(lines)[:-5])
    code, _, err = kdse("mix", "--rebuild", "dump/test_noisy")
    assert code == 2 and "damaged" in err
    for line in ("[]", "{}", json.dumps({**first, "offset": 0} | {"id": "a"}).replace("sha256", "sha")):
        path.write_text("".join(lines) + line + "\n")
        code, _, err = kdse("mix", "--rebuild", "dump/test_noisy")
        assert code == 2 and "manifest.jsonl, line 17 is damaged: it lacks one of clean_source, gain" in err
    path.unlink()
    assert kdse("mix", "--rebuild", "dump/test_noisy")[0] == 2
