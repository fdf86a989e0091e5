"""`kdse report`."""

from kdse.report.report import add_arguments, run

__all__ = ["add_arguments", "run"]
