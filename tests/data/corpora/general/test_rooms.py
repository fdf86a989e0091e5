"""Rooms that are made: how fast they die away, how strong their reflections are, the same bits again, and their way into packs."""

from pathlib import Path

import numpy as np
import pytest

from kdse.data.audio import RATE
from kdse.data.corpora.general.rooms import TRAVEL, Room, draw_room, make_rooms, respond
from kdse.data.mix import rng_for
from kdse.data.pack import Pack
from kdse.data.rirs import read_rir, read_rir_table


def rt60(response: np.ndarray) -> float:
    """Seconds for 60 dB by Schroeder's backward integration, from the fall between -5 and -25 dB (T20 of ISO 3382)."""
    energy = np.cumsum(response[::-1].astype(float) ** 2)[::-1]
    level = 10 * np.log10(energy / energy[0])
    fall = np.flatnonzero((level < -5) & (level > -25))
    return -60 / np.polyfit(fall / RATE, level[fall], 1)[0]


@pytest.mark.parametrize("seconds", [0.2, 0.4, 0.7])
def test_reverberation_time(seconds):
    response = respond(rng_for(1), Room(rt60=seconds, high=1.0, drr_db=0.0, gap=0.002))
    assert rt60(response[TRAVEL + 1 :]) == pytest.approx(seconds, rel=0.15)


@pytest.mark.parametrize("drr_db", [-3, 0, 12])
def test_direct_to_reverberant_ratio(drr_db):
    response = respond(rng_for(2), Room(rt60=0.4, high=0.6, drr_db=drr_db, gap=0.01)).astype(float)
    direct, later = response[TRAVEL], response[TRAVEL + 1 :]
    assert 10 * np.log10(direct**2 / np.sum(later**2)) == pytest.approx(drr_db, abs=0.2)
    assert not later[: round(0.009 * RATE)].any() and not response[:TRAVEL].any()


def test_high_tones_die_away_sooner():
    response = respond(rng_for(3), Room(rt60=0.6, high=0.4, drr_db=0.0, gap=0.002))[TRAVEL + 400 :].astype(float)
    early, late = (np.abs(np.fft.rfft(part, 2048)) ** 2 for part in (response[:2048], response[4096:6144]))
    hertz = np.fft.rfftfreq(2048, 1 / RATE)
    falls = [10 * np.log10(early[band].sum() / late[band].sum()) for band in ((hertz < 1000), (hertz > 3000))]
    assert falls[1] > falls[0] + 10


def test_the_direct_sound_is_the_loudest_in_any_room():
    for i in range(200):
        rng = rng_for("any", i)
        room = draw_room(rng)
        response = np.abs(respond(rng, room).astype(int))
        assert 0.15 <= room.rt60 <= 0.8 and int(np.argmax(response)) == TRAVEL and np.sum(response == response[TRAVEL]) == 1


def test_splits_and_bits(tmp_path):
    rirs = make_rooms(tmp_path / "rooms", 20, nj=1)
    assert [sum(rir.split == split for rir in rirs) for split in ("train", "dev", "test")] == [16, 2, 2]
    responses = {read_rir(rir).tobytes() for rir in rirs}
    assert len(responses) == 20
    again = make_rooms(tmp_path / "again", 30, nj=1)
    assert responses < {read_rir(rir).tobytes() for rir in again}


def test_rooms_reach_the_packs(kdse, make_an4, noise_tsv, rirs):
    """Made and given rooms together; without any, the table is gone and a mix that wants rooms is refused."""
    words = ("data", "general", "--an4", make_an4(), "--noise", noise_tsv, "--synthetic", 0)
    assert kdse(*words, "--rooms", 10, "--rirs", rirs)[0] == 0
    named = [rir.rir_id for rir in read_rir_table(Path("data/rirs.tsv"))]
    assert {"room-train-001", "room-dev-001"} < set(named) and sum(name.startswith("smallroom") for name in named) == 60
    Path("mix.yaml").write_text("train: {rir_prob: 0.2, short_noise: repeat}\nsets: {}\n")
    assert kdse("mix", "--sets", "mix.yaml")[0] == 0
    assert {"room-train-001"} < set(Pack("dump/pack/rir_train")) and "room-dev-001" in Pack("dump/pack/rir_dev")
    assert kdse(*words, "--rooms", 0)[0] == 0
    assert not Path("data/rirs.tsv").exists()
