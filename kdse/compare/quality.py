"""Scores of every recording of a system that need no words: of `kdse.scoring.quality`, and DNSMOS."""

from dataclasses import dataclass
from pathlib import Path

from kdse.compare.enhance import Enhanced
from kdse.compare.kept import Kept
from kdse.compare.recordings import CLEAN, NOISY
from kdse.compare.systems import slug
from kdse.core.files import fingerprint
from kdse.core.parallel import in_processes
from kdse.core.progress import say
from kdse.core.provenance import versions
from kdse.data.audio import FULL_SCALE, read_audio
from kdse.scoring.blind import dnsmos
from kdse.scoring.metrics import FROM_AUDIO
from kdse.scoring.missing import HAS_REFERENCE, NO_REFERENCE
from kdse.scoring.perceptual import no_denormals
from kdse.scoring.quality import quality
from kdse.scoring.quality_cache import LIBRARIES

Scores = tuple[dict[str, float | None], dict[str, str]]
"""{metric: value or None}, and {metric: why it is missing}."""


@dataclass(frozen=True)
class _Work:
    key: str
    estimate: Path
    noisy: Path | None
    clean: Path | None
    with_dnsmos: bool


def score(name: str, audio: dict[str, Enhanced], out: Path, nj: int, with_dnsmos: bool = True) -> dict[str, Scores]:
    """{key: scores} of a system's recordings, those known from before included.

    Args:
        name: the system's.
        audio: {system: its files}, NOISY among them, and CLEAN where there is any.
        out: scores are kept in `out`/work.
        with_dnsmos: also where there is clean speech.
    """
    enhanced, noisy, clean = audio[name], audio[NOISY], audio.get(CLEAN)
    kept = Kept(
        out / "work" / slug(name) / "scores.jsonl",
        {"versions": versions(LIBRARIES), "metrics": sorted(FROM_AUDIO)} | ({} if with_dnsmos else {"dnsmos": False}),
        f"{name}: scores",
    )
    made_of, left = {}, []
    for key, path in enhanced.files.items():
        reference = clean.files.get(key) if clean and name != CLEAN else None
        dnsmos_too = with_dnsmos or not (reference or name == CLEAN)
        made_of[key] = fingerprint([enhanced.sha256[key], noisy.sha256[key], clean.sha256[key] if reference else None])
        if kept.get(key, made_of[key]) is None:
            left.append(_Work(key, path, noisy.files[key] if reference else None, reference, dnsmos_too))
    if not left:
        say(f"{name}: scored before, skipped")
    for work, found in zip(left, in_processes(_score, left, nj, f"{name}: scores") if left else (), strict=True):
        kept.add(work.key, made_of[work.key], found)
    return {key: tuple(kept.get(key, made_of[key])) for key in enhanced.files}


def _score(work: _Work) -> Scores:
    paths = (work.clean, work.estimate, work.noisy)
    reference, estimate, mixture = (None if path is None else read_audio(path, work.key) for path in paths)
    if reference is None and not work.with_dnsmos:  # clean speech itself
        return dict.fromkeys(FROM_AUDIO), dict.fromkeys(FROM_AUDIO, NO_REFERENCE)
    with no_denormals():
        values, missing = quality(reference, estimate, work.key, mixture)[0]
    blind = [name for name, why in missing.items() if why == HAS_REFERENCE]
    if blind and work.with_dnsmos:
        more = dnsmos(estimate / FULL_SCALE)
        values |= {name: round(more[name], 4) for name in blind}
        missing = {name: why for name, why in missing.items() if name not in blind}
    return values, missing
