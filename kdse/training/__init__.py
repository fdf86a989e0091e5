"""Stages 3 to 6: what is trained, with what, and in which order."""
