"""Other front ends that come as wheels; `PEERS` lists those that take a stream, `WHOLE` those that take whole signals."""

import shlex
from pathlib import Path

from kdse.enhancers.peers import deepfilternet3, dtln, gtcrn, nsnet2, rnnoise, statistical, webrtc
from kdse.enhancers.peers.base import Peer, WholePeer

PEERS: dict[str, Peer] = {
    peer.name: peer for module in (rnnoise, gtcrn, dtln, nsnet2, deepfilternet3, webrtc) for peer in module.PEERS
}
"""{name: peer}, in the order of the table."""
WHOLE: dict[str, WholePeer] = {peer.name: peer for peer in statistical.PEERS}
"""{name: peer}, likewise."""


def install_command(folder: Path) -> str:
    """What puts the peers into a folder."""
    return f"python -m pip install --no-deps --require-hashes --target {shlex.quote(str(folder))} -r tools/peers-requirements.txt"
