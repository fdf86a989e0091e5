"""Training noises that are made: level, length and variety; joined clips; babble of several voices; the same bits again."""

import numpy as np
import pytest

from kdse.core.errors import UserError
from kdse.data.audio import RATE, read_audio
from kdse.data.corpora.general.noises import (
    FADE,
    JOINED,
    KINDS,
    LEVEL_DB,
    TURNS,
    Plan,
    join,
    make_noises,
    plan_joined,
    plan_synthetic,
    synthesise,
)
from kdse.data.corpus import Utterance
from kdse.data.mix import rng_for
from kdse.data.noise import Noise


@pytest.fixture
def talkers(tmp_path, speechlike, write_audio) -> list[Utterance]:
    """Five talkers with two utterances each."""
    return [
        Utterance(f"u{s}{i}", f"s{s}", str(write_audio(tmp_path / f"speech/{s}{i}.wav", speechlike(1.5, 10 * s + i))), "A B")
        for s in range(5)
        for i in range(2)
    ]


@pytest.fixture
def clips(tmp_path, noiselike, write_audio) -> list[Noise]:
    """Twelve clips of 3 to 4 s, 40 dB apart, and one of 12 s."""
    made = []
    for i in range(13):
        samples = noiselike(12 if i == 12 else 3 + i / 12, seed=i, level=20 if i % 2 else 2000)
        made.append(Noise(f"c{i:02d}", "train", "c", str(write_audio(tmp_path / f"clips/{i}.wav", samples)), "CC0"))
    return made


def test_as_much_tilted_noise_and_babble_as_all_else():
    assert set(TURNS) == set(KINDS) and TURNS.count("tilted") == TURNS.count("babble") == 4 and len(TURNS) == 15


def test_level_length_and_bits(talkers):
    plans = plan_synthetic(talkers, 15)
    assert [plan.noise.category for plan in plans] == list(TURNS)
    for plan in plans:
        x = synthesise(plan)
        level = 10 * np.log10(np.mean((x / 32768.0) ** 2))
        assert x.dtype == np.int16 and 20 * RATE <= len(x) <= 30 * RATE
        assert LEVEL_DB - 13 < level < LEVEL_DB + 0.01, plan.noise  # hard peaks (clicks) hold the level down
        assert abs(x.astype(int)).max() < 32767
    assert np.array_equal(synthesise(plans[0]), synthesise(plan_synthetic(talkers, 1)[0]))
    assert not np.array_equal(synthesise(plans[0])[:RATE], synthesise(plans[3])[:RATE])


def test_tilts_differ():
    """The slope from 300 Hz to 3 kHz, in dB a decade, covers what lies between white and redder than pink."""
    slopes = []
    for plan in plan_synthetic([Utterance("u", "s", "", "A")], 60):
        if plan.noise.category == "tilted":
            x = synthesise(plan)[: 20 * RATE].reshape(-1, 3200)
            power, hertz = (np.abs(np.fft.rfft(x)) ** 2).mean(0), np.fft.rfftfreq(3200, 1 / RATE)
            band = (hertz > 300) & (hertz < 3000)
            slopes.append(np.polyfit(np.log10(hertz[band]), 10 * np.log10(power[band]), 1)[0])
    assert len(slopes) == 16 and max(slopes) > -6 and min(slopes) < -18


def test_babble_has_several_talkers(talkers):
    plans = [plan for plan in plan_synthetic(talkers, 60) if plan.noise.category == "babble"]
    assert len(plans) == 16
    for plan in plans:
        speakers = [{u.speaker for u in voice} for voice in plan.voices]
        assert all(len(one) == 1 for one in speakers) and 3 <= len(set.union(*speakers)) == len(speakers) <= 5  # all there are


def test_babble_of_broken_speech_is_named(talkers, tmp_path):
    for u in talkers:
        open(u.path, "wb").close()
    with pytest.raises(UserError, match=r"speech/\d\d\.wav"):
        synthesise(next(plan for plan in plan_synthetic(talkers, 2) if plan.voices))


def test_every_short_clip_is_joined_once(clips):
    plans = plan_joined(clips[:12])
    names = [clip.noise_id for plan in plans for clip in plan.clips]
    assert set(names) == {clip.noise_id for clip in clips[:12]}
    assert len(names) - len(set(names)) < len(plans[-1].clips)  # those that fill up the last one
    assert all(JOINED <= len(synthesise(plan)) / RATE < JOINED + 4 for plan in plans)
    assert plan_joined([]) == []


def test_one_clip_alone_is_played_again(clips):
    (plan,) = plan_joined(clips[:1])
    assert len(plan.clips) == 9 and {clip.noise_id for clip in plan.clips} == {"c00"}


def test_joined_clips_are_equally_loud(clips):
    """Clips 40 dB apart are within 8 dB of each other, and one fades into the next without a gap."""
    x = join(rng_for("test"), [read_audio(clip.path) for clip in clips[:2]])
    first = 3 * RATE - round(FADE * RATE)
    loud = [np.sqrt(np.mean(part**2)) for part in (x[:first], x[-2 * RATE :])]
    assert abs(20 * np.log10(loud[0] / loud[1])) < 8.1
    assert len(x) == sum(len(read_audio(clip.path)) for clip in clips[:2]) - round(FADE * RATE)
    assert np.sqrt(np.mean(x[first : first + round(FADE * RATE)] ** 2)) > 0.6 * min(loud)


def test_files_and_where_clips_are_from(tmp_path, talkers, clips):
    others = [Noise("dev", "dev", "d", clips[0].path), Noise("long", "train", "l", clips[12].path)]
    noises = make_noises(tmp_path / "noise", [*others, *clips[:12]], talkers, 2, nj=1)
    assert [n.noise_id for n in noises] == ["dev", "joined-001", "joined-002", "long", "made-babble-002", "made-tilted-001"]
    for noise in noises:
        assert len(read_audio(noise.path)) >= 3 * RATE
    rows = (tmp_path / "noise/clips.tsv").read_text().splitlines()
    assert rows[0] == "noise_id\tclip\tlicence\tpath" and len(rows) >= 13
    assert all(row.split("\t")[2] == "CC0" for row in rows[1:])
    alone = Plan(next(n for n in noises if n.noise_id == "made-tilted-001"))
    assert np.array_equal(read_audio(alone.noise.path), synthesise(alone))
