"""`kdse trial`."""

from kdse.scoring.trial import add_arguments, run

__all__ = ["add_arguments", "run"]
