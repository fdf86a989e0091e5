"""Ways to train a front end: one YAML each in conf/approach/, one file here for each that is no mere choice of weights.

An approach is a frozen dataclass of its options. Called with (enhanced, clean, lengths, lesson) it returns its losses by name,
each as (weight, value); the model adds them up, unless a rule combines their gradients, and logs each one. What it needs and what
it trains are class attributes, see `StandaloneSE`. `mct_noisy` trains no front end: it is stage 3's backend alone.
"""

from typing import Any

from kdse.approaches.d4am import D4AM
from kdse.approaches.joint_aso import JointASO
from kdse.approaches.joint_grad import JointGrad
from kdse.approaches.joint_straight import JointStraight
from kdse.approaches.kd import KD
from kdse.approaches.mct_all import MCTAll
from kdse.approaches.mimic import Mimic
from kdse.approaches.paap import PAAP
from kdse.approaches.pcgrad import PCGrad
from kdse.approaches.standalone_se import StandaloneSE
from kdse.core.config import override
from kdse.core.errors import UserError, did_you_mean

APPROACHES = {
    "standalone_se": StandaloneSE,
    "kd": KD,
    "kd_re": KD,
    "kd_rd": KD,
    "kd_q": KD,
    "kd_t": KD,
    "kd_full": KD,
    "mct_all": MCTAll,
    "joint_straight": JointStraight,
    "joint_aso": JointASO,
    "joint_aso_aux": JointASO,
    "joint_grad": JointGrad,
    "pcgrad": PCGrad,
    "d4am": D4AM,
    "clso": D4AM,
    "gclb": D4AM,
    "srpr": D4AM,
    "mimic": Mimic,
    "paap": PAAP,
}


ALIASES = {"kd_r": "standalone_se"}


def canonical(name: str) -> str:
    """The approach that a name or an alias of it means."""
    return ALIASES.get(name, name)


def variant_of(name: str) -> str | None:
    """The approach of which `name` is a choice of options, which stand in its YAML; None for one with defaults of its own."""
    first = next(other for other, kind in APPROACHES.items() if kind is APPROACHES[name])
    return None if first == name else first


def build(name: str, options: dict[str, Any]):
    """The approach `name` with its options.

    Raises: UserError for an unknown approach or option, naming the nearest, and for a value of another type.
    """
    name = canonical(name)
    if name not in APPROACHES:
        raise UserError(f"there is no approach '{name}'{did_you_mean(name, APPROACHES)}; there are {', '.join(APPROACHES)}")
    return override(APPROACHES[name], options, f"approach {name}")
