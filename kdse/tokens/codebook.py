"""Acoustic tokens: K-means over the latents of a frozen recogniser, and how good they are."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from kdse.core.atomic import atomic_path
from kdse.core.errors import UserError
from kdse.core.files import check_keys
from kdse.core.step import done_config, done_hash


@dataclass(frozen=True)
class TokensConfig:
    """conf/tokens.yaml only overrides these values.

    Attributes:
        layer: tapped encoder layer, counted from 1; 0 is the encoder's output.
        clusters: K.
        max_frames: frames drawn at random where the training speech has more.
        seed: of the draw and of K-means.
    """

    layer: int = 0
    clusters: int = 100
    max_frames: int = 200_000
    seed: int = 0

    @classmethod
    def of(cls, values: Mapping[str, Any], where: str) -> "TokensConfig":
        """Make one from a YAML mapping.

        Raises: UserError for an unknown key, no whole number, or one out of range.
        """
        check_keys(dict(values), asdict(cls()), where)
        for key, value in values.items():
            if type(value) is not int:
                raise UserError(f"{where}: {key} takes a whole number, not {value!r}")
        config = cls(**values)
        if config.clusters < 2 or config.layer < 0:
            raise UserError(f"{where}: clusters must be at least 2 and layer at least 0")
        if config.max_frames < config.clusters:
            raise UserError(f"{where}: max_frames {config.max_frames} is less than the {config.clusters} clusters made of them")
        if not 0 <= config.seed < 2**32:
            raise UserError(f"{where}: seed is a whole number from 0 to {2**32 - 1}, not {config.seed}")
        return config


@dataclass(frozen=True)
class TokenBook:
    """Centroids (K, D) float32 of one encoder layer, and the mean squared distance of a latent to its nearest centroid."""

    centroids: np.ndarray
    layer: int
    distance: float

    def assign(self, latents: np.ndarray) -> np.ndarray:
        """(U,) index of the nearest centroid of each latent (U, D), which may be mapped from a file larger than memory."""
        squares = (self.centroids**2).sum(1)
        nearest = [(squares - 2 * part @ self.centroids.T).argmin(1) for part in blocks(latents)]
        return np.concatenate(nearest) if nearest else np.zeros(0, int)


def check_origin(tokens: Path, backend: Path) -> None:
    """Raise UserError where tokens of stage 5 were made with another recogniser than the one in `backend`."""
    made, own = (done_config(tokens) or {}).get("backend"), done_hash(backend)
    if made and own and made != own:
        raise UserError(f"the tokens {tokens} were made with another recogniser than {backend}; run stage 5 with this one")


BLOCK = 100_000
"""Frames that are in memory at once: of 960 hours there are 86 million, 88 GB at 256 dimensions."""


def blocks(latents: np.ndarray) -> Iterator[np.ndarray]:
    """Views of (U, D), up to BLOCK frames each."""
    return (latents[start : start + BLOCK] for start in range(0, len(latents), BLOCK))


def spread(latents: np.ndarray) -> float:
    """Mean squared distance of latents (U, D) to their mean.

    >>> spread(np.array([[1.0, 0.0], [3.0, 4.0]]))
    5.0
    """
    mean = sum(part.sum(0, dtype=np.float64) for part in blocks(latents)) / len(latents)
    return float(sum(((part - mean) ** 2).sum() for part in blocks(latents)) / len(latents))


def fit(latents: np.ndarray, config: TokensConfig) -> TokenBook:
    """K-means (scikit-learn, k-means++) over latents (U, D).

    Raises: UserError where there are fewer latents than clusters.
    """
    from sklearn.cluster import KMeans

    if len(latents) < config.clusters:
        raise UserError(f"{len(latents)} frames cannot make {config.clusters} clusters; lower 'clusters' or give more speech")
    if len(latents) > config.max_frames:
        rng = np.random.default_rng(config.seed)
        latents = latents[np.sort(rng.choice(len(latents), config.max_frames, replace=False))]
    kmeans = KMeans(config.clusters, n_init=1, max_iter=100, random_state=config.seed).fit(latents)
    return TokenBook(kmeans.cluster_centers_.astype(np.float32), config.layer, float(kmeans.inertia_ / len(latents)))


def purity(tokens: np.ndarray, labels: np.ndarray) -> float:
    """Share of frames that carry their cluster's most frequent label, in [0, 1] (HuBERT, arXiv 2106.07447, section V-A).

    >>> purity(np.array([0, 0, 0, 1]), np.array([5, 5, 6, 6]))
    0.75
    """
    counts = np.zeros((tokens.max() + 1, labels.max() + 1), dtype=np.int64)
    np.add.at(counts, (tokens, labels), 1)
    return float(counts.max(1).sum() / len(tokens))


def save_tokens(folder: Path | str, book: TokenBook) -> None:
    """Write `folder`/tokens.npz atomically."""
    with atomic_path(Path(folder) / "tokens.npz") as part:
        np.savez(part, centroids=book.centroids, layer=book.layer, distance=book.distance)


def load_tokens(folder: Path | str) -> TokenBook:
    """Read what `save_tokens` wrote.

    Raises: UserError where it is missing or no token file.
    """
    path = Path(folder) / "tokens.npz"
    try:
        with np.load(path, allow_pickle=False) as held:
            return TokenBook(held["centroids"], int(held["layer"]), float(held["distance"]))
    except FileNotFoundError as e:
        raise UserError(f"{path} is missing; run stage 5 (kdse tokens) first") from e
    except (ValueError, KeyError, OSError, EOFError, BadZipFile) as e:
        raise UserError(f"{path} is no token file; run stage 5 (kdse tokens) again") from e


def write_tokens(path: Path, tokens: dict[str, np.ndarray]) -> None:
    """One line for each utterance: its name and the acoustic tokens of its frames."""
    lines = (f"{utt} {' '.join(map(str, strip))}\n" for utt, strip in tokens.items())
    path.write_text("".join(lines), encoding="utf-8")


def read_tokens(path: Path) -> dict[str, np.ndarray]:
    """What `write_tokens` wrote."""
    lines = (line.split() for line in path.read_text(encoding="utf-8").splitlines())
    return {utt: np.array(tokens, dtype=int) for utt, *tokens in lines}
