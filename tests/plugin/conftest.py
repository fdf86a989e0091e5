"""kdse's patches before ESPnet, whose import they make quick, whichever file of tests is read first."""

import kdse.plugin.register  # noqa: F401
