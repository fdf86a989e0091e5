"""The one list of students: networks that mask a spectrum. A network's code is imported when it is asked for."""

import importlib

STUDENTS = {
    "kdse_dccrn": "kdse.nets.dccrn:DCCRN",
    "kdse_bandcrn": "kdse.nets.bandcrn:BandCRN",
    "kdse_gtcrn": "kdse.nets.gtcrn:GTCRN",
}
"""{name of the ESPnet separator, in lower case: module:class}. To add a student: its file, its YAML, and one line here.

The class is called with the number of frequency bins F and options, all with defaults. It maps a complex spectrum (B, T, F) to
a real or complex mask of that shape. Two attributes are optional:
    sizes: {name: options}, chosen by `separator_conf: {size: NAME}`; "m" is the default.
    step: a method for one frame at a time, as `kdse.nets.unet.RecurrentUNet` has it.
"""


def find(name: str) -> type:
    """The class of a student."""
    module, _, attribute = STUDENTS[name].partition(":")
    return getattr(importlib.import_module(module), attribute)
