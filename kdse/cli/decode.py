"""`kdse decode`."""

from kdse.inference.decode import add_arguments, run

__all__ = ["add_arguments", "run"]
