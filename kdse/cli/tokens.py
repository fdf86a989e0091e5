"""`kdse tokens`."""

from kdse.training.tokens import add_arguments, run

__all__ = ["add_arguments", "run"]
