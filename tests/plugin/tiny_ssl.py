"""Self-supervised networks of two layers with random weights, as torchaudio builds and publishes them."""

import torch
from torch import nn

from kdse.plugin.ssl import build

BY_LAYER = {
    "extractor_mode": "layer_norm",
    "extractor_conv_layer_config": [[8, 10, 5], [8, 8, 4], [8, 4, 2], [8, 4, 2], [8, 4, 2], [8, 2, 2]],  # 20 ms
    "extractor_conv_bias": True,
    "encoder_embed_dim": 12,
    "encoder_projection_dropout": 0.0,
    "encoder_pos_conv_kernel": 4,
    "encoder_pos_conv_groups": 2,
    "encoder_num_layers": 2,
    "encoder_num_heads": 2,
    "encoder_attention_dropout": 0.0,
    "encoder_ff_interm_features": 16,
    "encoder_ff_interm_dropout": 0.0,
    "encoder_dropout": 0.1,
    "encoder_layer_norm_first": True,
    "encoder_layer_drop": 0.0,
    "aux_num_out": None,
}
"""Normalised as the large networks are."""
BY_GROUP = BY_LAYER | {"extractor_mode": "group_norm", "encoder_layer_norm_first": False}
"""Normalised as the base networks are, over the whole length."""
WAVLM = BY_GROUP | {"encoder_num_buckets": 8, "encoder_max_distance": 20}
NETWORKS = {
    "by layer": ("wav2vec2_model", BY_LAYER),
    "by group": ("wav2vec2_model", BY_GROUP),
    "wavlm": ("wavlm_model", WAVLM),
}


def network(name: str, seed: int = 1) -> nn.Module:
    torch.manual_seed(seed)
    return build(*NETWORKS[name])
