"""kdse: small speech-enhancement front ends, distilled so that speech recognition keeps working in noise."""

__version__ = "0.1.0"
