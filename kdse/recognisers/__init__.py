"""Recognisers behind a front end: one interface (`base`), a registry by name, one file each (docs/adding_a_backend.md).

A recogniser is chosen by the YAML of `kdse decode --config`: `recogniser: NAME`, `espnet` where it says nothing, and the options of
that recogniser. Rows name it by that YAML's own name, and an ESPnet recogniser by its experiment folder: that is their `backend`.
"""
