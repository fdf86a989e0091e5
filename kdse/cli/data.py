"""`kdse data`."""

from kdse.data.prepare import add_arguments, run

__all__ = ["add_arguments", "run"]
