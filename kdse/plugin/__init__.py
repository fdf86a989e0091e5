"""kdse in ESPnet: the only package that imports espnet2.

`import kdse.plugin.register` adds our separators and data type to ESPnet; then ESPnet's own classes (`SeparateSpeech`, the
enhancement trainer) accept `separator: kdse_dccrn`.
"""
