"""Listings of corpora: what their fingerprints depend on, and how their parts are counted."""

import pytest

from kdse.data.corpus import Listing, Utterance, count_subsets
from kdse.data.noise import Noise
from kdse.data.published import Counts


@pytest.fixture
def listing(tmp_path, monkeypatch) -> Listing:
    """Files of known sizes below the working directory; nobody reads them."""
    monkeypatch.chdir(tmp_path)
    for name, size in (("a.flac", 5000), ("b.flac", 700), ("n.wav", 33)):
        (tmp_path / name).write_bytes(bytes(size))
    splits = {
        "train": [Utterance("u1", "s1", "a.flac", "YES NO")],
        "dev": [Utterance("u2", "s2", "b.flac", "GO", raw=">i2")],
        "test": [Utterance("u3", "s3", "b.flac", "GO", subset="test-other")],
    }
    return Listing(splits, [Noise("n", "train", "fan", "n.wav")])


def with_official_sets(listing: Listing) -> Listing:
    about = {"subset": "et05_simu", "category": "SIMU", "clean": "b.flac", "noise": "bus", "orig": "u0"}
    simu = Utterance("u4", "s4", "a.flac", "NO", **about)
    return Listing({name: listing.splits[name] for name in ("train", "dev")}, listing.noises, {"et05_simu": [simu]})


def test_finished_corpora_stay_finished(listing):
    """The values of commit b03cdb5: a corpus that stage 1 wrote then is not written again."""
    assert listing.fingerprints() == {"transcripts": "457effe0972d", "audio": "6299274c7cf1", "noise": "0fafe0a979a4"}
    official = with_official_sets(listing).fingerprints()
    assert official == {"transcripts": "11c07cc97f9e", "audio": "011026e985a7", "noise": "0fafe0a979a4"}


def test_a_change_is_seen(listing, tmp_path):
    before = listing.fingerprints()
    (tmp_path / "b.flac").write_bytes(bytes(701))
    assert {key for key, value in listing.fingerprints().items() if value != before[key]} == {"audio"}
    listing.splits["dev"][0] = Utterance("u2", "s2", "b.flac", "STOP", raw=">i2")
    listing.noises.append(Noise("m", "test", "fan", "n.wav"))
    assert not set(listing.fingerprints().values()) & set(before.values())


def test_data_dirs(listing):
    assert list(listing.data_dirs()) == ["train", "dev", "test"]
    assert list(with_official_sets(listing).data_dirs()) == ["train", "dev", "sets/et05_simu"]


def test_subsets_are_counted():
    utterances = [Utterance(f"u{i}", f"s{i // 2}", "", "", subset="a" if i < 3 else "b") for i in range(5)]
    utterances.append(Utterance("u6", "s9", "", ""))
    assert count_subsets(utterances) == {"a": Counts(3, 2), "b": Counts(2, 2)}
    assert count_subsets(utterances, [57_600_000] * 6) == {"a": Counts(3, 2, 3.0), "b": Counts(2, 2, 2.0)}
