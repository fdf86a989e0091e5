"""`kdse adopt`."""

from kdse.training.adopt import add_arguments, run

__all__ = ["add_arguments", "run"]
