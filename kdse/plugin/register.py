"""Importing this module registers kdse with ESPnet: students as separators, an SSL front end of recognisers, packs as data."""

from espnet2.tasks import asr, enh, enh_s2t
from espnet2.train import dataset

from kdse.data.pack import LatentPack, Pack
from kdse.plugin.separators import SEPARATORS
from kdse.plugin.ssl import SSLFrontend

SEPARATOR_CHOICES = (enh.separator_choices, enh_s2t.enh_separator_choices)
"""Two lists, because enh_s2t copies the first one at its import."""

for choices in SEPARATOR_CHOICES:
    choices.classes.update(SEPARATORS)
asr.frontend_choices.classes["kdse_ssl"] = SSLFrontend  # the same list serves enh_s2t
dataset.DATA_TYPES["kdse_pack"] = {
    "func": Pack,
    "kwargs": [],
    "help": "int16 samples of a folder written by `kdse mix`, memory-mapped.",
}
dataset.DATA_TYPES["kdse_latents"] = {
    "func": LatentPack,
    "kwargs": [],
    "help": "float32 latents of a folder written by `kdse tokens`, memory-mapped.",
}
