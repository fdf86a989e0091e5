"""What the folders and runs of a recipe are called. What is finished is found again by these names, so they must not change."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from kdse.core.config import read_config
from kdse.core.errors import UserError

HOME_BACKEND = "conformer"
"""The recogniser that a recipe trains unless told otherwise. Results of others stand in folders of their own."""
ESPNET = "espnet"
"""The recogniser of an inference config that names none: an ESPnet model, the recipe's backend."""
BACKEND_AND_DECODER = ("whisper",)
"""Names of conf/asr and of conf/decode: as a backend, their results keep `asr_`, so that the two do not meet in a folder."""
STANDALONE = "standalone_se"
"""The approach that learns from no recogniser: one run of it serves all of them."""
ARCHIVE = re.compile(rb"\.(zip|tar|tgz|tar\.[a-z0-9]+)$")


@dataclass(frozen=True)
class RecipeNames:
    """Names and paths of one call of a recipe.

    Attributes:
        expdir: folder of models and results.
        tag: `--exp_tag`; "" for none.
        asr: name of the backend, e.g. "conformer".
        teacher_asrs: names of the recognisers that teach beside it.
        recogniser: name of what decodes, where that is not the backend; "" for the backend.
        home: the recipe's own backend.
    """

    expdir: str = "exp"
    tag: str = ""
    asr: str = HOME_BACKEND
    teacher_asrs: tuple[str, ...] = ()
    recogniser: str = ""
    home: str = HOME_BACKEND

    @property
    def suffix(self) -> str:
        """What a tag adds to every name."""
        return f"_{self.tag}" if self.tag else ""

    def backend(self, asr: str = "") -> str:
        """The folder of stage 3 of a recogniser, by default of the backend.

        >>> RecipeNames(tag="try").backend()
        'exp/asr_conformer_try'
        """
        return f"{self.expdir}/asr_{asr or self.asr}{self.suffix}"

    def tokens(self, asr: str = "") -> str:
        """The folder of stage 5 of a recogniser, by default of the backend.

        >>> RecipeNames().tokens(), RecipeNames(asr="rnn").tokens()
        ('exp/tokens', 'exp/tokens_rnn')
        """
        return f"{self.expdir}/tokens{self._of(asr or self.asr)}{self.suffix}"

    def se_teacher(self, config: str) -> str:
        """The run of stage 4's SE teacher."""
        return f"se_teacher_{stem(config)}{self.suffix}"

    def run(self, approach: str, seed: str, student: str) -> str:
        """The run of a student, which names the recognisers that it learns from where they are not the home backend alone.

        >>> RecipeNames(asr="rnn", teacher_asrs=("transducer",)).run("kd", "0", "conf/student/bandcrn-m.yaml")
        'kd_bandcrn-m_rnn_with-transducer_seed0'
        """
        of = "" if approach == STANDALONE else self._of(self.asr) + "".join(f"_with-{name}" for name in self.teacher_asrs)
        return f"{approach}_{stem(student)}{of}_seed{seed}{self.suffix}"

    def _of(self, asr: str) -> str:
        """What a backend adds to a name; nothing for the home backend."""
        return "" if asr == self.home else f"_{asr}"

    @property
    def no_front_end(self) -> str:
        """The run without a front end."""
        return f"mct_noisy_seed0{self.suffix}"

    def classical(self, approach: str) -> str:
        """The run of a front end that is not trained."""
        return f"{approach}{self.suffix}"

    @property
    def score_backend(self) -> str:
        """What decodes, as score rows and the folders in decode/ name it."""
        return self.recogniser or Path(self.backend()).name

    @property
    def results_of(self) -> str:
        """Whose results these are: what decodes, without tag and `asr_`.

        >>> RecipeNames(asr="rnn").results_of, RecipeNames(asr="whisper").results_of, RecipeNames(recogniser="whisper").results_of
        ('rnn', 'asr_whisper', 'whisper')
        """
        name = self.score_backend.removesuffix(self.suffix)
        return name if name.removeprefix("asr_") in BACKEND_AND_DECODER else name.removeprefix("asr_")

    @property
    def at_home(self) -> bool:
        """Whether the home backend decodes and teaches alone. Other results get a folder of their own."""
        return self.score_backend == f"asr_{self.home}{self.suffix}" and not self.teacher_asrs

    @property
    def results(self) -> str:
        """Where stage 9 writes rows.

        >>> RecipeNames().results, RecipeNames(recogniser="whisper").results
        ('exp/results', 'exp/results/backends/whisper')
        """
        return f"{self.expdir}/results" + ("" if self.at_home else f"/backends/{self.results_of}")


def family_and_tag(run: str) -> tuple[str, str]:
    """A run's name without its seed, which its other seeds have in common with it; and its tag, "" for none.

    >>> family_and_tag("kd_bandcrn-m_seed1_long"), family_and_tag("asr_conformer")
    (('kd_bandcrn-m_long', 'long'), ('asr_conformer', ''))
    """
    parts = re.fullmatch(r"(.+)_seed\d+(?:_(.+))?", run)
    if not parts:
        return run, ""
    name, tag = parts[1], parts[2] or ""
    return f"{name}_{tag}" if tag else name, tag


def stem(config: str) -> str:
    """The name of a config.

    >>> stem("conf/student/bandcrn-m.yaml")
    'bandcrn-m'
    """
    return Path(config).name.removesuffix(".yaml")


def asr_name(config: str, model: str = "", home: str = HOME_BACKEND) -> str:
    """The name of the backend: of its config, or of a trained model in its place.

    A folder or an archive names a model; a .pth file has the name of its folder, because ESPnet calls all of them alike.

    Raises: UserError where the folder of a .pth file is not there, and where a model has the name of the home backend.

    >>> asr_name("conf/asr/rnn.yaml"), asr_name("conf/asr/rnn.yaml", "models/asr_big_1.tar.gz")
    ('rnn', 'big-1')
    """
    if not model:
        return stem(config)
    path = Path(model)
    if path.suffix == ".pth":
        path = path.parent.resolve()
        if not path.is_dir():
            raise UserError(f"--asr_model {model}: there is no folder {path}")
    word = ARCHIVE.sub(b"", os.fsencode(path.name or path.resolve().name)).removeprefix(b"asr_")
    name = re.sub(rb"[^A-Za-z0-9.-]", b"-", word).decode()  # a byte each
    if name == home:
        raise UserError(f"--asr_model {model} has the name of this recipe's own backend, {name}; rename it")
    return name


def teacher_names(names: list[str], asr: str) -> tuple[str, ...]:
    """The recognisers that teach beside the backend `asr`.

    Raises: UserError where one is named twice, or is the backend.
    """
    for number, name in enumerate(names):
        if "/" in name or name.endswith(".yaml"):
            raise UserError(f"--teacher_asrs takes names of configs, such as {stem(name)}, not '{name}'")
        if name == asr:
            raise UserError(f"--teacher_asrs: {name} is the first recogniser, too; name another")
        if name in names[:number]:
            raise UserError(f"--teacher_asrs names {name} twice; name another")
    return tuple(names)


def recogniser_name(inference_config: str, expdir: str, root: str) -> str:
    """The name of the recogniser that an inference config chooses; "" for the recipe's backend.

    Rows name a recogniser by its config, and an ESPnet model by its folder.

    Raises: UserError where the config cannot be read, and where its name is one of a backend.
    """
    if read_config(inference_config).get("recogniser", ESPNET) == ESPNET:
        return ""
    name = stem(inference_config)
    if name in BACKEND_AND_DECODER:
        return name
    if Path(root, "conf/asr", f"{name}.yaml").is_file() or Path(expdir, f"asr_{name}").is_dir():
        raise UserError(
            f"{inference_config}: rows name the recogniser by this file, and {name} is a backend of conf/asr or {expdir}; rename it"
        )
    return name


def find_config(path: str, root: str) -> str:
    """A config: the recipe's own file (the recipe's folder is the working folder), else the repository's of the same name.

    Raises: UserError where there is neither, or `path` is not a .yaml file.
    """
    if not path.endswith(".yaml"):
        raise UserError(f"a config is a .yaml file, not {path or 'an empty name'}")
    for candidate in (path, f"{root}/{path}"):
        if Path(candidate).is_file():
            return candidate
    raise UserError(f"there is no config {path}, neither in {Path.cwd()} nor in {Path(root).resolve()}")
