"""`kdse mix`."""

from kdse.data.fixed_sets import add_arguments, run

__all__ = ["add_arguments", "run"]
