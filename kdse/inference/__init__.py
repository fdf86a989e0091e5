"""Stages 7 and 8: trained models at work on the fixed sets."""
