"""Runs: their names, their records, which of them may touch a test set, and what they cost."""
