"""Whisper (Radford et al. 2022, arXiv 2212.04356) in torch: a network through which gradient flows back to the waveform."""
