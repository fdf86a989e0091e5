"""Acoustic tokens: K-means finds what is there, the file comes back as it was, and mistakes are named."""

import tracemalloc

import numpy as np
import pytest

from kdse.core.errors import UserError
from kdse.tokens import codebook as module
from kdse.tokens.codebook import TokenBook, TokensConfig, fit, load_tokens, purity, save_tokens, spread

CENTRES = np.array([[0, 0, 0], [10, 0, 0], [0, 10, 0], [0, 0, 10], [10, 10, 10]], dtype=np.float32)
SPREAD = 0.5


@pytest.fixture
def blobs() -> tuple[np.ndarray, np.ndarray]:
    """2,000 points (U, 3) around five centres far apart, and whose they are."""
    rng = np.random.default_rng(0)
    labels = rng.integers(len(CENTRES), size=2000)
    return (CENTRES[labels] + SPREAD * rng.standard_normal((2000, 3))).astype(np.float32), labels


def test_separated_blobs_are_found(blobs):
    """Each centre within four standard errors, each point its own blob's, mean squared distance D·σ²."""
    latents, labels = blobs
    book = fit(latents, TokensConfig(clusters=5, layer=3))
    order = np.linalg.norm(book.centroids[:, None] - CENTRES, axis=2).argmin(1)
    assert sorted(order) == [0, 1, 2, 3, 4]
    assert np.abs(book.centroids - CENTRES[order]).max() < 4 * SPREAD / np.sqrt(np.bincount(labels).min())
    tokens = book.assign(latents)
    assert np.array_equal(order[tokens], labels) and purity(tokens, labels) == 1
    assert book.distance == pytest.approx(3 * SPREAD**2, rel=0.1) and book.layer == 3
    assert book.centroids.dtype == np.float32


def test_the_distance_is_the_mean_squared_one_to_the_nearest(blobs):
    latents, _ = blobs
    book = fit(latents, TokensConfig(clusters=2))
    squared = ((latents[:, None] - book.centroids) ** 2).sum(2)
    assert book.distance == pytest.approx(squared.min(1).mean(), rel=1e-5)
    assert np.array_equal(book.assign(latents), squared.argmin(1))


def test_the_seed_decides(blobs):
    latents, _ = blobs
    draws = {seed: fit(latents, TokensConfig(clusters=20, max_frames=500, seed=seed)).centroids for seed in (0, 1)}
    again = fit(latents, TokensConfig(clusters=20, max_frames=500, seed=0)).centroids
    assert np.array_equal(draws[0], again) and not np.array_equal(draws[0], draws[1])


def test_frames_beyond_the_most_are_left_out(blobs):
    """One point of 2,000 is far away; a draw of 100 that misses it must not know of it."""
    latents, _ = blobs
    far = np.concatenate([latents, [[1e6, 0, 0]]]).astype(np.float32)
    missing = [s for s in range(20) if fit(far, TokensConfig(clusters=2, max_frames=100, seed=s)).centroids.max() < 1e5]
    assert len(missing) > 10


def test_latents_need_not_fit_into_memory(tmp_path, blobs, monkeypatch):
    """Of a mapped file of 6.4 MB a fifth is in memory at most, distances to 60 centroids included; the result is the whole's."""
    monkeypatch.setattr(module, "BLOCK", 1000)
    np.save(tmp_path / "latents.npy", np.tile(np.pad(blobs[0], ((0, 0), (0, 5))), (50, 2)))
    latents = np.asarray(np.load(tmp_path / "latents.npy", mmap_mode="r"))
    config = TokensConfig(clusters=60, max_frames=1000)
    book = fit(latents, config)
    tracemalloc.start()
    tokens, variance = book.assign(latents), spread(latents)
    peak = tracemalloc.get_traced_memory()[1] - tokens.nbytes
    tracemalloc.stop()
    assert peak < latents.nbytes / 5
    assert variance == pytest.approx(latents.var(0, dtype=np.float64).sum())
    assert np.array_equal(tokens, ((book.centroids**2).sum(1) - 2 * latents @ book.centroids.T).argmin(1))
    assert book.assign(latents[:0]).shape == (0,)


def test_too_few_frames(blobs):
    with pytest.raises(UserError, match="4 frames cannot make 5 clusters; lower 'clusters' or give more speech"):
        fit(blobs[0][:4], TokensConfig(clusters=5))


def test_purity_by_hand():
    """Cluster 0 holds labels 1, 1, 2, cluster 1 holds 2, cluster 2 holds 0, 3: 2 + 1 + 1 of 6."""
    assert purity(np.array([0, 0, 0, 1, 2, 2]), np.array([1, 1, 2, 2, 0, 3])) == pytest.approx(4 / 6)


def test_round_trip(tmp_path, blobs):
    book = fit(blobs[0], TokensConfig(clusters=7, layer=2))
    save_tokens(tmp_path / "tokens", book)
    found = load_tokens(tmp_path / "tokens")
    assert np.array_equal(found.centroids, book.centroids) and found.centroids.dtype == np.float32
    assert (found.layer, found.distance) == (2, book.distance) and type(found.layer) is int and type(found.distance) is float
    assert [p.name for p in (tmp_path / "tokens").iterdir()] == ["tokens.npz"]


def test_a_missing_or_damaged_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"tokens\.npz is missing; run stage 5 \(kdse tokens\) first"):
        load_tokens(tmp_path)
    save_tokens(tmp_path, TokenBook(CENTRES, 0, 1.0))
    path = tmp_path / "tokens.npz"
    whole = path.read_bytes()
    for damaged in (whole[:100], whole[: len(whole) // 2], b"", b"no tokens"):
        path.write_bytes(damaged)
        with pytest.raises(UserError, match=r"tokens\.npz is no token file"):
            load_tokens(tmp_path)
    np.savez(path, centroids=CENTRES)
    with pytest.raises(UserError, match="no token file"):
        load_tokens(tmp_path)


@pytest.mark.parametrize(
    "values, message",
    [
        ({"cluster": 10}, r"t\.yaml: there is no option 'cluster' \(did you mean 'clusters'\?\)"),
        ({"clusters": 1}, r"t\.yaml: clusters must be at least 2"),
        ({"max_frames": 0}, r"t\.yaml: max_frames 0 is less than the 100 clusters made of them"),
        ({"max_frames": 4, "clusters": 5}, r"t\.yaml: max_frames 4 is less than the 5 clusters"),
        ({"seed": -1}, r"t\.yaml: seed is a whole number from 0 to 4294967295, not -1"),
        ({"layer": -1}, r"t\.yaml: .*layer at least 0"),
        ({"clusters": "many"}, r"t\.yaml: clusters takes a whole number, not 'many'"),
        ({"layer": 1.5}, r"t\.yaml: layer takes a whole number, not 1\.5"),
    ],
)
def test_config_errors(values, message):
    with pytest.raises(UserError, match=message):
        TokensConfig.of(values, "t.yaml")


def test_config_overrides_the_defaults():
    assert TokensConfig.of({"clusters": 7}, "t.yaml") == TokensConfig(clusters=7)
