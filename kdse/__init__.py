"""kdse: small speech-enhancement front ends, distilled so that speech recognition keeps working in noise."""

import importlib

__version__ = "0.1.0"


def __getattr__(name: str):
    """`from kdse import Enhancer, StreamingEnhancer`; they load ONNX Runtime, which the rest does without."""
    if name in ("Enhancer", "StreamingEnhancer"):
        return getattr(importlib.import_module("kdse.apply.enhancer"), name)
    raise AttributeError(f"module 'kdse' has no attribute '{name}'")
