"""The one list of corpora, and what the rest of kdse needs to know of each."""

from dataclasses import dataclass, field

from kdse.core.errors import UserError, did_you_mean


@dataclass(frozen=True)
class CorpusInfo:
    """One corpus.

    Attributes:
        name: as in `kdse data NAME`, and in score rows.
        module: its file, with `add_arguments(parser)`, `prepare(data_dir, nj, **options)` and `inputs(**options)`.
        data_dirs: the data dirs that stage 1 writes.
        official_sets: {name of one of our sets: the corpus's own sets that it stands for}; empty where stage 2 mixes all sets.
        synthetic: nobody speaks in it: reports say so.
    """

    name: str
    module: str
    data_dirs: tuple[str, ...] = ("train", "dev", "test")
    official_sets: dict[str, tuple[str, ...]] = field(default_factory=dict)
    synthetic: bool = False


_CHIME4 = {"dev_noisy": ("dt05_simu", "dt05_real"), "test_noisy": ("et05_simu", "et05_real"), "test_clean": ("et05_bth",)}

CORPORA = {
    info.name: info
    for info in (
        CorpusInfo("an4", "kdse.data.corpora.an4"),
        CorpusInfo("chime4", "kdse.data.corpora.chime4", official_sets=_CHIME4),
        CorpusInfo("librispeech", "kdse.data.corpora.librispeech"),
        CorpusInfo("mini", "kdse.data.corpora.mini", synthetic=True),
    )
}
"""{name: corpus}. To add a corpus: its file and one entry here."""


def find(name: str) -> CorpusInfo:
    """A corpus by its name.

    Raises: UserError for an unknown one, naming the nearest.
    """
    if name not in CORPORA:
        raise UserError(f"there is no corpus '{name}'{did_you_mean(name, CORPORA)}; there are {', '.join(CORPORA)}")
    return CORPORA[name]
