"""What one call of a recipe trains and tests: from the options of its stage script to names, paths and arguments."""

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from kdse.core.errors import UserError
from kdse.data.corpora.registry import dev_prefixes
from kdse.runs.naming import (
    STANDALONE,
    RecipeNames,
    asr_name,
    find_config,
    recogniser_name,
    teacher_names,
)

LAST_STAGE = 11
SKIPS = {"skip_data_prep": range(1, 3), "skip_train": range(3, 7), "skip_eval": range(7, 11)}
"""The stages that each of these options skips."""


@dataclass(frozen=True)
class RecipeOptions:
    """The options of `run.sh` that decide over names, as they were typed; lists have blanks between their words.

    Attributes:
        root: the repository's folder, from the recipe's; configs that the recipe lacks are there.
        skip_data_prep, skip_train, skip_eval: "true" or "false".
        data_opts: arguments of `kdse data`, one a line.
        second_asr: the old name of `teacher_asrs`.
        claim: what stage 10 checks.
        home_asr: name of the recipe's own backend, a config of conf/asr.
        teacher_config: "" for no SE teacher.
        kd_config: the student of approaches that are not standalone_se, where it is another; "" for the same.
    """

    root: str
    stage: str
    stop_stage: str
    skip_data_prep: str
    skip_train: str
    skip_eval: str
    expdir: str
    exp_tag: str
    approaches: str
    seeds: str
    baselines: str
    omegas: str
    sets: str
    corpus: str
    data_opts: str
    claim: str
    home_asr: str
    asr_config: str
    asr_model: str
    teacher_asrs: str
    second_asr: str
    teacher_config: str
    student_config: str
    kd_config: str
    all_config: str
    tokens_config: str
    mix_config: str
    inference_config: str


@dataclass(frozen=True)
class Training:
    """One training of a student by an approach."""

    run: str
    approach: str
    seed: str
    config: str
    approach_config: str | None
    teachers: tuple[tuple[str, str], ...]

    def arguments(self) -> list[str]:
        """What `kdse train se` is told of it."""
        words = ["--approach", self.approach]
        if self.approach_config:
            words += ["--approach_config", self.approach_config]
        words += ["--seed", self.seed, "--config", self.config]
        (backend, tokens), *others = self.teachers
        words += ["--backend", backend, "--tokens", tokens]
        for other in others:
            words += ["--teacher", *other]
        return words


def plan(options: RecipeOptions, students_of: Mapping[str, str], baselines: Sequence[str]) -> dict[str, object]:
    """All that the stage script reads: {shell variable: text, list of words, or {key: list of words}}.

    Args:
        students_of: {approach of the options, checked, in order: config of the student that it trains}.
        baselines: those of the options, checked.
    Raises: UserError for an option that cannot be.
    """
    root, to_run, configs = options.root, stages(options), find_configs(options)
    if not options.expdir:
        raise UserError("--expdir is the folder of models and results, and must not be empty")
    compared = {approach: find_config(config, root) for approach, config in students_of.items()}
    if re.search(r"[/\s]", options.exp_tag):
        raise UserError(f"--exp_tag is part of folders' names: one word without '/', not '{options.exp_tag}'")
    asr = asr_name(options.asr_config, options.asr_model, options.home_asr)
    names = RecipeNames(
        expdir=options.expdir,
        tag=options.exp_tag,
        asr=asr,
        teacher_asrs=teacher_names(f"{options.teacher_asrs} {options.second_asr}".split(), asr),
        recogniser=recogniser_name(configs["inference"], options.expdir, root),
        home=options.home_asr,
    )
    se_teacher = names.se_teacher(options.teacher_config) if options.teacher_config else ""
    standalone = training(names, STANDALONE, "0", configs["student"], root)
    students = [
        training(names, approach, seed, compared[approach], root) for approach in students_of for seed in seeds(options.seeds)
    ]
    classical = {names.classical(approach): ["--approach", approach, "--corpus", options.corpus] for approach in baselines}
    enhanced = [*classical, *([se_teacher] if se_teacher else []), *(student.run for student in students)]
    made_before = standalone if int(options.stage) <= 4 else None  # by stage 4 of the same call
    sets = unique(options.sets)
    if not sets:
        raise UserError("--sets names no set; give at least one, like dev_noisy")
    testing = ["--sets", *sets]
    if Path("selected.yaml").is_file():
        testing += ["--selected", "selected.yaml"]
    return {
        "stages": to_run,
        "data_of": options.data_opts.splitlines(),
        **{f"{name}_yaml": path for name, path in configs.items()},
        "backend": names.backend(),
        "tokens": names.tokens(),
        "se_teacher": se_teacher,
        "standalone": standalone.run,
        "front_ends": [student.run for student in students if student != made_before],
        "training_of": {student.run: student.arguments() for student in (standalone, *students)},
        "enhanced": enhanced,
        "enhancing_of": classical,
        "tested": [f"{options.expdir}/{run}" for run in (names.no_front_end, *enhanced)],
        "testing": testing,
        "omega_list": omegas(options.omegas),
        "score_backend": names.score_backend,
        "results": names.results,
        "exported": [f"{options.expdir}/{student.run}" for student in students],
        "check_set": next((name for name in sets if name.startswith(dev_prefixes())), sets[0]),
        "report_of": report_arguments(names, options.claim),
    }


def find_configs(options: RecipeOptions) -> dict[str, str]:
    """{kind: path} of the configs that every run shares."""
    kinds = ["asr", "student", "tokens", "mix", "inference", *(["teacher"] if options.teacher_config else [])]
    return {kind: find_config(getattr(options, f"{kind}_config"), options.root) for kind in kinds}


def training(names: RecipeNames, approach: str, seed: str, config: str, root: str) -> Training:
    """The training of a student. One that learns from no recogniser takes the backend alone."""
    further = () if approach == STANDALONE else names.teacher_asrs
    try:
        approach_config = find_config(f"conf/approach/{approach}.yaml", root)
    except UserError:  # an approach without options of its own
        approach_config = None
    return Training(
        run=names.run(approach, seed, config),
        approach=approach,
        seed=seed,
        config=config,
        approach_config=approach_config,
        teachers=((names.backend(), names.tokens()), *((names.backend(asr), names.tokens(asr)) for asr in further)),
    )


def report_arguments(names: RecipeNames, claim: str) -> list[str]:
    """Whose results stage 10 renders. A claim is about the home backend, and checked for no other."""
    if not names.at_home:
        return ["--backend", names.results_of]
    return ["--claim", claim] if claim else []


def unique(text: str) -> list[str]:
    """Each word once, in order.

    >>> unique("kd  kd_q kd")
    ['kd', 'kd_q']
    """
    return list(dict.fromkeys(text.split()))


def seeds(text: str) -> list[str]:
    """The seeds of `--seeds`.

    Raises: UserError where one is no whole number, or there is none.
    """
    words = unique(text)
    if not words or not all(re.fullmatch("[0-9]+", word) for word in words):
        raise UserError(f"--seeds are whole numbers with blanks between them, not '{text}'")
    return words


def omegas(text: str) -> list[str]:
    """The shares of `--omegas`.

    Raises: UserError where one is not 0 or a decimal fraction below 1, or there is none.
    """
    words = unique(text)
    if not words or not all(re.fullmatch(r"0|0?\.[0-9]+", word) for word in words):
        raise UserError(f"--omegas are shares below 1 with blanks between them, such as '0 0.2', not '{text}'")
    return words


def stages(options: RecipeOptions) -> list[str]:
    """The stages that run.

    Raises: UserError where `stage` and `stop_stage` name none.
    """
    for name, value in (("stage", options.stage), ("stop_stage", options.stop_stage)):
        if not re.fullmatch("0|[1-9][0-9]*", value):
            raise UserError(f"--{name} is a number from 1 to {LAST_STAGE}, not '{value}'")
    first, last = int(options.stage), int(options.stop_stage)
    if not 1 <= first <= last <= LAST_STAGE:
        raise UserError(f"stages go from 1 to {LAST_STAGE}, and --stage {first} --stop_stage {last} names none of them")
    skipped = {stage for option, of_option in SKIPS.items() if getattr(options, option) == "true" for stage in of_option}
    return [str(stage) for stage in range(first, last + 1) if stage not in skipped]


def check_counts(counts: Mapping[str, str], least: int) -> None:
    """Raise UserError for the first {option: value} that is no whole number of `least` or more."""
    for name, value in counts.items():
        if not re.fullmatch("0|[1-9][0-9]*", value) or int(value) < least:  # bash takes 08 for octal
            raise UserError(f"--{name} is a whole number from {least}, not '{value}'")


def shell(values: Mapping[str, object]) -> str:
    """A plan as assignments for bash, a line each. A value of a mapping is a line of quoted words itself.

    >>> print(shell({"a": "b c", "d": ["e", "f g"], "h": {"i": ["j", "k l"]}}))
    a='b c'
    d=(e 'f g')
    declare -A h=([i]='j '"'"'k l'"'"'')
    """
    lines = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            items = (f"[{shlex.quote(key)}]={shlex.quote(shlex.join(words))}" for key, words in value.items())
            lines.append(f"declare -A {name}=({' '.join(items)})")
        elif isinstance(value, str):
            lines.append(f"{name}={shlex.quote(value)}")
        else:
            lines.append(f"{name}=({shlex.join(_words(value))})")
    return "\n".join(lines)


def _words(value: object) -> Iterable[str]:
    assert isinstance(value, list | tuple), value
    return value


OPTIONS = tuple(field.name for field in fields(RecipeOptions))
"""Names of all options that `plan` reads."""
