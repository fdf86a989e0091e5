"""The names of ESPnet that kdse's other packages use. They import them from here, so that the patches come first."""

from espnet.nets.pytorch_backend.transformer.attention import MultiHeadedAttention
from espnet2.bin.asr_inference import Speech2Text
from espnet2.enh.decoder.stft_decoder import STFTDecoder
from espnet2.enh.encoder.stft_encoder import STFTEncoder
from espnet2.enh.separator.abs_separator import AbsSeparator
from espnet2.main_funcs.pack_funcs import pack
from espnet2.tasks.asr import ASRTask
from espnet2.tasks.enh import EnhancementTask
from espnet2.tasks.enh_s2t import EnhS2TTask
from espnet2.tasks.lm import LMTask
from espnet2.train.distributed_utils import DistributedOption

__all__ = [
    "ASRTask",
    "AbsSeparator",
    "DistributedOption",
    "EnhS2TTask",
    "EnhancementTask",
    "LMTask",
    "MultiHeadedAttention",
    "STFTDecoder",
    "STFTEncoder",
    "Speech2Text",
    "pack",
]
