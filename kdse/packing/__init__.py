"""A finished run as a model archive with a model card."""
