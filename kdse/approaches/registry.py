"""The one list of systems: every approach, and what is tested beside them, with names, labels, order, colours and roles.

It imports no torch, so that help texts and names of runs are quick; an approach's code is imported when it is built.
"""

import importlib
from dataclasses import dataclass
from typing import Any

from kdse.approaches.options import current
from kdse.core.config import override
from kdse.core.errors import UserError, did_you_mean

SE, BACKEND, BOTH = ("se",), ("backend",), ("se", "backend")
"""What an approach trains."""


@dataclass(frozen=True)
class ApproachInfo:
    """One approach, or another system that is tested beside them.

    Attributes:
        name: in score rows, run folders, YAML files and on the command line.
        summary: what is trained, and how, in a few words.
        role: "none" (no front end), "classical", "ceiling" (knows the clean signal), "teacher" (the SE teacher), "baseline" or
            "distilled".
        code: module:class of its dataclass of options; "" where nothing is trained by an approach.
        trains: parts of the pipeline that it trains, of "se" and "backend".
        variant_of: the approach of which it is a choice of options, which stand in its YAML; "" for one with defaults of its own.
        label: in tables; "" for the name.
        colour: in plots, where it looks the same in every plot; "" for any.
        headline: every main table names it, run or not.
        aliases: other names for it.
        losses: of the paper's ablation (tables 7 to 10) it is the row with these; () for none.
    """

    name: str
    summary: str
    role: str
    code: str = ""
    trains: tuple[str, ...] = ()
    variant_of: str = ""
    label: str = ""
    colour: str = ""
    headline: bool = False
    aliases: tuple[str, ...] = ()
    losses: tuple[str, ...] = ()


_STANDALONE, _KD = "kdse.approaches.standalone_se:StandaloneSE", "kdse.approaches.kd:KD"
_ASO, _D4AM = "kdse.approaches.joint_aso:JointASO", "kdse.approaches.d4am:D4AM"

# In the order of tables. Colours are of Paul Tol's 'bright' scheme, which most people can tell apart.
SYSTEMS = {
    info.name: info
    for info in (
        ApproachInfo(
            "mct_noisy", "the recogniser alone, trained on noisy speech", "none",
            label="no front end (mct_noisy)", colour="#666666", headline=True,
        ),
        ApproachInfo("spectral_subtraction", "spectral subtraction", "classical", headline=True),
        ApproachInfo("log_mmse", "log-MMSE filter", "classical", headline=True),
        ApproachInfo("wiener", "Wiener filter", "classical"),
        ApproachInfo("oracle_irm", "ideal ratio mask", "ceiling"),
        ApproachInfo(
            "standalone_se", "the front end, by L_r", "baseline", _STANDALONE, SE,
            colour="#ee6677", headline=True, aliases=("kd_r",), losses=("L_r",),
        ),
        ApproachInfo("se_teacher", "the SE teacher, by L_r", "teacher", colour="#228833", headline=True),
        ApproachInfo(
            "kd", "the front end, by L_r, L_e and L_d", "distilled", _KD, SE,
            colour="#4477aa", headline=True, losses=("L_r", "L_e", "L_d"),
        ),
        ApproachInfo("kd_re", "kd without L_d", "distilled", _KD, SE, "kd", losses=("L_r", "L_e")),
        ApproachInfo("kd_rd", "kd without L_e", "distilled", _KD, SE, "kd", losses=("L_r", "L_d")),
        ApproachInfo("kd_full", "kd with L_q and L_t", "distilled", _KD, SE, "kd"),
        ApproachInfo("kd_q", "kd with L_q", "distilled", _KD, SE, "kd"),
        ApproachInfo("kd_t", "kd with L_t", "distilled", _KD, SE, "kd"),
        ApproachInfo(
            "mct_all", "the recogniser, on clean, noisy and enhanced speech", "baseline", "kdse.approaches.mct_all:MCTAll", BACKEND
        ),
        ApproachInfo(
            "joint_straight", "both, by a weighted sum", "baseline", "kdse.approaches.joint_straight:JointStraight", BOTH
        ),
        ApproachInfo("joint_aso", "both, in alternation", "baseline", _ASO, BOTH),
        ApproachInfo("joint_aso_aux", "joint_aso with a loss of features", "baseline", _ASO, BOTH, "joint_aso"),
        ApproachInfo("joint_grad", "both, with Gradient Remedy", "baseline", "kdse.approaches.joint_grad:JointGrad", BOTH),
        ApproachInfo("pcgrad", "both, with projected gradients", "baseline", "kdse.approaches.pcgrad:PCGrad", BOTH),
        ApproachInfo("d4am", "the front end, by calibrated gradients", "baseline", _D4AM, SE),
        ApproachInfo("clso", "d4am with L_ASR alone", "baseline", _D4AM, SE, "d4am"),
        ApproachInfo("gclb", "d4am without the learned share", "baseline", _D4AM, SE, "d4am"),
        ApproachInfo("srpr", "d4am without the calibrated share", "baseline", _D4AM, SE, "d4am"),
        ApproachInfo("mimic", "the front end, by L_r and L_e", "baseline", "kdse.approaches.mimic:Mimic", SE),
        ApproachInfo("paap", "the front end, by L_r and acoustic parameters", "baseline", "kdse.approaches.paap:PAAP", SE),
    )
}  # fmt: skip
"""{name: system}, in the order of tables. To add an approach: its file, its YAML in conf/approach, and one entry here."""

APPROACHES = {name: info for name, info in SYSTEMS.items() if info.code}
"""Those that `kdse train se` knows."""
CLASSICAL = tuple(name for name, info in SYSTEMS.items() if info.role in ("classical", "ceiling"))
"""Front ends without training."""
NO_FRONT_END = "mct_noisy"
ORACLE = "oracle_irm"
SE_TEACHER = "se_teacher"
BASELINE, PROPOSED = "standalone_se", "kd"
"""What claims, sizes and plots of training compare: the front end by L_r alone, and the paper's proposal."""


def describe(name: str) -> ApproachInfo:
    """What the list says of a system; of one that it lacks (rows of another version may name it) the name alone."""
    return SYSTEMS.get(name) or ApproachInfo(name, "", "")


def headline(*roles: str) -> tuple[str, ...]:
    """The systems that every main table names, run or not, of these roles; of any without roles."""
    return tuple(name for name, info in SYSTEMS.items() if info.headline and (not roles or info.role in roles))


def canonical(name: str) -> str:
    """The name of the approach that a name or an alias means."""
    return next((info.name for info in SYSTEMS.values() if name in info.aliases), name)


def find(name: str) -> ApproachInfo:
    """An approach that can be trained, by its name or an alias.

    Raises: UserError for an unknown one, naming the nearest.
    """
    info = APPROACHES.get(canonical(name))
    if info is None:
        raise UserError(f"there is no approach '{name}'{did_you_mean(name, APPROACHES)}; there are {', '.join(APPROACHES)}")
    return info


def kind(name: str) -> type:
    """The dataclass of an approach's options.

    Raises: UserError as `find`.
    """
    module, _, attribute = find(name).code.partition(":")
    return getattr(importlib.import_module(module), attribute)


def build(name: str, options: dict[str, Any]):
    """The approach `name` with its options, old names included, an instance of its dataclass.

    Raises: UserError for an unknown approach or option, naming the nearest, and for a value of another type.
    """
    return override(kind(name), current(options), f"approach {canonical(name)}")
