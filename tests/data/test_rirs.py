"""Lists of room responses: every room belongs to one split, and a response that cannot be used is named."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from kdse.core.errors import UserError
from kdse.data.datadir import read_table
from kdse.data.noise import split_by_hash
from kdse.data.rirs import find_rirs, read_rir


def test_rooms_of_a_split_are_its_own(rirs, room):
    listed = find_rirs(rirs)
    assert len(listed) == 62 and sum(r.split == "train" for r in listed) > 35
    real = [r for r in listed if r.rir_id.startswith("real-")]
    assert [r.split for r in real] == ["test", "test"] and not any("noise" in r.rir_id for r in listed)
    assert np.array_equal(read_rir(real[0]), room(98))
    assert all(r.split == split_by_hash(f"smallroom-{r.rir_id[10:17]}") for r in listed if r not in real)


def test_bad_responses(rirs, kdse, librispeech_tree, noise_tsv, tmp_path, room):
    with pytest.raises(UserError, match=r"holds no room responses for .train.; set RIRS in db\.sh"):
        find_rirs(tmp_path / "none")
    one = next(r for r in find_rirs(rirs) if r.split == "train")
    for samples, rate, words in ((np.zeros(99, np.int16), 16000, "is silent"), (room(1), 8000, "8000 Hz")):
        soundfile.write(one.path, samples, rate)
        with pytest.raises(UserError, match=words):
            read_rir(one)
    Path(one.path).write_bytes(b"no audio")
    with pytest.raises(UserError, match="cannot read"):
        read_rir(one)
    command = ("data", "librispeech", "--librispeech", librispeech_tree, "--noise", noise_tsv, "--allow_partial", "--rirs", rirs)
    kdse(*command)
    code, _, err = kdse("mix")
    assert code == 2 and one.path in err and err.count("\n") == 1
    assert read_table("data/test/utt2subset")
