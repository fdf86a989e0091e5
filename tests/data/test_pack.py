"""Packs: what goes in comes out, in every process, and never half."""

import pickle
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest

from kdse.core.errors import UserError
from kdse.data.pack import Pack


@pytest.fixture
def signals(noiselike):
    return {f"s{i}": noiselike(0.01 * (i + 1), i) for i in range(20)}


def total(job):
    pack, key = job
    return int(pack[key].astype(np.int64).sum())


def test_round_trip(tmp_path, signals):
    Pack.write(tmp_path / "p", iter(signals.items()))
    pack = Pack(tmp_path / "p")
    assert list(pack) == list(signals) and len(pack) == 20
    for key, x in signals.items():
        assert np.array_equal(pack[key], x) and pack[key].dtype == np.int16 and pack.length(key) == len(x)
    assert np.array_equal(np.load(tmp_path / "p" / "samples.npy"), np.concatenate(list(signals.values())))


def test_views_are_read_only_and_cheap(tmp_path, signals):
    Pack.write(tmp_path / "p", signals.items())
    view = Pack(tmp_path / "p")["s3"]
    assert type(view) is np.ndarray and not view.flags.owndata
    with pytest.raises(ValueError):
        view[0] = 1


def test_travels_to_other_processes(tmp_path, signals):
    Pack.write(tmp_path / "p", signals.items())
    pack = Pack(tmp_path / "p")
    pack["s0"]
    assert len(pickle.dumps(pack)) < 5000
    with ProcessPoolExecutor(2) as pool:
        assert list(pool.map(total, [(pack, key) for key in pack])) == [total((signals, key)) for key in signals]


def test_a_failure_leaves_the_old_pack(tmp_path, signals, snapshot):
    Pack.write(tmp_path / "p", signals.items())
    before = snapshot(tmp_path)

    def broken():
        yield "a", signals["s0"]
        raise UserError("stop")

    with pytest.raises(UserError):
        Pack.write(tmp_path / "p", broken())
    assert snapshot(tmp_path) == before


def test_missing_and_truncated(tmp_path, signals):
    with pytest.raises(UserError, match="no pack"):
        Pack(tmp_path / "none")
    Pack.write(tmp_path / "p", signals.items())
    samples = tmp_path / "p" / "samples.npy"
    samples.write_bytes(samples.read_bytes()[:-100])
    with pytest.raises(UserError, match="truncated"):
        Pack(tmp_path / "p")["s0"]
