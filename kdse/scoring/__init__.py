"""Scores of one utterance, score rows, and the statistics over them; imports no model."""
