"""`kdse enhance`."""

from kdse.inference.enhance import add_arguments, run

__all__ = ["add_arguments", "run"]
