"""The one list of corpora, and what the rest of kdse needs to know of each."""

from dataclasses import dataclass, field

from kdse.core.errors import UserError, did_you_mean


@dataclass(frozen=True)
class PaperForm:
    """The paper's tables that a corpus fills in, and how.

    Attributes:
        words, quality: numbers of the tables of word errors and of quality.
        ablation: numbers of the tables of the ablation, as a text.
        quality_set: the set whose quality is shown.
        sets: {our set: the published column beside it, or None}, in the order of columns; {} shows the test set alone.
        measured_on: what the published numbers were measured on, where that is another corpus.
    """

    words: int
    quality: int
    ablation: str
    quality_set: str
    sets: dict[str, str | None] = field(default_factory=dict)
    measured_on: str = ""


DEV, TEST, CLEAN = "dev_noisy", "test_noisy", "test_clean"
"""Names of sets that each corpus has, whatever its own sets are called: noisy dev and test speech, and clean test speech."""
_ELSEWHERE = PaperForm(1, 5, "8 and 9", TEST, measured_on="noisy LibriSpeech")


@dataclass(frozen=True)
class CorpusInfo:
    """One corpus.

    Attributes:
        name: as in `kdse data NAME`, and in score rows.
        module: its file, with `add_arguments(parser)`, `prepare(data_dir, nj, **options)` and, to know whether a rerun is needed,
            `inputs(**options)`; the options are those that `add_arguments` declares.
        summary: one line, for `kdse data --help`.
        data_dirs: the data dirs that stage 1 writes.
        official_sets: {name of one of our sets: the corpus's own sets that it stands for}; empty where stage 2 mixes all sets.
        synthetic: nobody speaks in it: reports say so.
        paper: which of the paper's tables it fills in; by default its test set stands beside the published averages. None for a
            recipe of another kind: its report then names only what was run.
        proposed: the approach that its recipe is about.
        dev, test, clean: the sets that choices are made on, that systems are compared on, and the clean one.
        test_prefixes: how the names of its test sets begin, which only selected runs may touch.
        dev_prefixes: how the names of the sets begin by which choices are made.
    """

    name: str
    module: str
    summary: str
    data_dirs: tuple[str, ...] = ("train", "dev", "test")
    official_sets: dict[str, tuple[str, ...]] = field(default_factory=dict)
    synthetic: bool = False
    paper: PaperForm | None = _ELSEWHERE
    proposed: str = "kd"
    dev: str = DEV
    test: str = TEST
    clean: str = CLEAN
    test_prefixes: tuple[str, ...] = ("test",)
    dev_prefixes: tuple[str, ...] = ("dev",)

    def stands_for(self, name: str | tuple[str, ...], scored: str) -> bool:
        """Whether a set that was scored counts for a name, or for one of several.

        The name of a set stands for its parts too: for the corpus's own sets, and for those of a corpus that is scored in parts.

        >>> names = ("test_noisy", "test-clean_noisy", "et05_real", "test-clean_clean", "dev-clean_noisy")
        >>> [CORPORA["chime4"].stands_for("test_noisy", name) for name in names]
        [True, True, True, False, False]
        """
        if isinstance(name, tuple):
            return any(self.stands_for(one, scored) for one in name)
        split, _, kind = name.partition("_")
        part = scored.startswith(f"{split}-") and scored.endswith(f"_{kind}")
        return part or scored == name or scored in self.official_sets.get(name, ())


_CHIME4_SETS = {DEV: ("dt05_simu", "dt05_real"), TEST: ("et05_simu", "et05_real"), CLEAN: ("et05_bth",)}
_CHIME4 = CorpusInfo(
    name="chime4",
    module="kdse.data.corpora.chime4.corpus",
    summary="CHiME-4, one-channel track (LDC2017S24), with the transcripts of WSJ0 (LDC93S6A)",
    data_dirs=("train", "dev", *(f"sets/{part}_{kind}" for part in ("dt05", "et05") for kind in ("bth", "simu", "real"))),
    official_sets=_CHIME4_SETS,
    paper=PaperForm(3, 6, "7 and 10", "et05_simu", dict.fromkeys((*_CHIME4_SETS[DEV], *_CHIME4_SETS[TEST]))),
    test_prefixes=("test", "et05"),
    dev_prefixes=("dev", "dt05"),
)
_LIBRISPEECH_PAPER = PaperForm(
    1, 5, "8 and 9", "test-clean_noisy", {f"{part}_noisy": part for part in ("dev-clean", "dev-other", "test-clean", "test-other")}
)

CORPORA = {
    info.name: info
    for info in (
        CorpusInfo("an4", "kdse.data.corpora.an4", "CMU AN4 in its official layout"),
        _CHIME4,
        CorpusInfo(
            name="general",
            module="kdse.data.corpora.general.corpus",
            summary="speech and noises of several collections, for front ends",
            paper=None,
            proposed="kd_q",
        ),
        CorpusInfo("librispeech", "kdse.data.corpora.librispeech", "LibriSpeech in its official layout", paper=_LIBRISPEECH_PAPER),
        CorpusInfo("mini", "kdse.data.corpora.mini.corpus", "the embedded corpus of synthetic voices and noises", synthetic=True),
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


def describe(name: str) -> CorpusInfo:
    """What the list says of a corpus; of one that it lacks (rows of another version may name it) the defaults."""
    return CORPORA.get(name) or CorpusInfo(name, module="", summary="")


def test_prefixes() -> tuple[str, ...]:
    """How names of test sets begin, in any corpus."""
    return tuple(dict.fromkeys(prefix for info in CORPORA.values() for prefix in info.test_prefixes))


def dev_prefixes() -> tuple[str, ...]:
    """How names of dev sets begin, in any corpus."""
    return tuple(dict.fromkeys(prefix for info in CORPORA.values() for prefix in info.dev_prefixes))
