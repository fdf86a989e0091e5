"""Acoustic tokens: clusters of a recogniser's latents."""
