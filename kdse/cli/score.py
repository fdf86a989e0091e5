"""`kdse score`."""

from kdse.scoring.score import add_arguments, run

__all__ = ["add_arguments", "run"]
