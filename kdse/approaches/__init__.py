"""Ways to train a front end: one YAML each in conf/approach/, one file here for each that is no mere choice of weights.

An approach is a frozen dataclass of its options. Called with a batch it returns its losses by name, each as (weight, value); the
model adds them up, unless a rule combines their gradients, and logs each one. `registry` lists all of them.
"""

from kdse.approaches.registry import APPROACHES, SYSTEMS, ApproachInfo, build, canonical, find, kind

__all__ = ["APPROACHES", "SYSTEMS", "ApproachInfo", "build", "canonical", "find", "kind"]
