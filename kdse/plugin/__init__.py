"""kdse in ESPnet: the only package that imports espnet2, and the gateway to it.

Importing any module of it applies the patches, imports ESPnet and registers kdse with it, once. It takes seconds, so commands
import it only when they have work to do. `import kdse.plugin.register` is all that a user of ESPnet's own classes
(`SeparateSpeech`, the enhancement trainer) needs for them to accept `separator: kdse_bandcrn`.
"""

from kdse.plugin import patches

patches.apply()

from kdse.plugin import register  # noqa: E402, F401  after the patches, which import ESPnet
