"""Where stages 7 and 8 compute."""

import argparse
import os

from kdse.core.errors import UserError


def add_device(parser: argparse.ArgumentParser) -> None:
    """The option `--ngpu` of `kdse enhance-sets` and `kdse decode`."""
    parser.add_argument(
        "--ngpu", type=int, choices=(0, 1), help="0: the CPU; 1: a GPU, which must be there (default: a GPU where there is one)"
    )


def use_device(ngpu: int | None) -> None:
    """Hide all GPUs from what runs later in this process (0), check that there is one (1), or leave the choice to it (None).

    Call it before anything of torch computes.

    Raises: UserError where there is no GPU.
    """
    if ngpu == 0:
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    if ngpu == 1:
        import torch  # only here: work that is skipped stays quick

        if not torch.cuda.is_available():
            raise UserError("--ngpu 1: torch sees no GPU on this machine; leave the option (or --gpu_inference true) away")
