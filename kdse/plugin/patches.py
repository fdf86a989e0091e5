"""All that kdse changes outside itself, to use ESPnet 202511: each with its reason and with what would make it unnecessary.

For each patch a test in tests/plugin/test_patches.py shows the fault of ESPnet as it is. Once such a test fails, drop the patch.
"""

import contextlib
import importlib
import importlib.util
import io
import logging
import sys
import types
import warnings
from collections.abc import Iterator
from pathlib import Path

import torch

from kdse.core.atomic import atomic_path

ESPNET = "202511"
"""The version that the patches are for."""


def apply() -> None:
    """Import ESPnet with all patches that last. It takes seconds; `kdse.plugin` does it once."""
    provide_transducer_loss()
    offer_hann_sqrt()
    import_espnet()
    hide_future_warnings()
    drop_no_units_in_eval()


def import_espnet() -> None:
    """Import what kdse uses of ESPnet, silently and in a third of the time. Raises: what the import raises.

    Reasons: `espnet2.tasks` imports g2p_en, which asks the network for two NLTK files that only phoneme tokens need. What comes
    with it, with hydra, scipy.signal and a synthesiser's aligner (scikit-learn, scipy.stats, numba) takes longer than ESPnet.
    Packages below it print and warn at their import. typeguard rewrites every function of ESPnet so that it checks its arguments,
    which takes as long again. All are themselves afterwards.

    Unnecessary once `import espnet2.tasks.asr` asks for no download, imports no synthesiser, prints nothing and checks no types.
    """
    import typeguard

    typechecked, typeguard.typechecked = typeguard.typechecked, _unchecked
    try:
        with (
            no_log_warnings(),
            imported_later("g2p_en", "nltk", "hydra", "scipy.signal"),
            without_aligner(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            importlib.import_module("kdse.plugin.espnet")
    finally:
        typeguard.typechecked = typechecked


class Later(types.ModuleType):
    """Stands for a package that is imported when something of it is asked for."""

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):  # such as torch asks of every module
            raise AttributeError(name)
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)


@contextlib.contextmanager
def imported_later(*names: str) -> Iterator[None]:
    """In this block, let `import NAME` give a stand-in (see `Later`), unless the package is there or is not to be had."""
    specs = {name: importlib.util.find_spec(name) for name in names if name not in sys.modules}
    stand_ins = {name: Later(name) for name, spec in specs.items() if spec is not None}
    for name, module in stand_ins.items():
        module.__spec__ = specs[name]
    with _in_place(stand_ins):
        yield


@contextlib.contextmanager
def without_aligner() -> Iterator[None]:
    """In this block, let nothing be an instance of the synthesiser's aligner that ESPnet's plots of attention look for."""
    name = "espnet2.gan_tts.jets.alignments"
    module = types.ModuleType(name)
    module.AlignmentModule = type("AlignmentModule", (), {})
    with _in_place({} if name in sys.modules else {name: module}):
        yield


@contextlib.contextmanager
def _in_place(stand_ins: dict[str, types.ModuleType]) -> Iterator[None]:
    """In this block, modules of these names are these, unless a package took its place."""
    sys.modules.update(stand_ins)
    try:
        yield
    finally:
        for name, module in stand_ins.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]


def _unchecked(function=None, **options):
    """`typeguard.typechecked`, as a decorator with and without options, that leaves a function as it is."""
    return function if function is not None else _unchecked


def hide_future_warnings() -> None:
    """Hide what torch says about ESPnet's code: it calls `torch.cuda.amp.autocast` in every forward pass.

    Unnecessary once ESPnet calls `torch.amp.autocast`.
    """
    warnings.filterwarnings("ignore", message=".*autocast.*", category=FutureWarning, module="espnet2")


def provide_transducer_loss() -> None:
    """Offer torchaudio's transducer loss as `warprnnt_pytorch`, unless the real package is there.

    Reason: ESPnet's transducers import that package, which no index has for this Python. Models and checkpoints stay ESPnet's.

    Unnecessary once ESPnet builds a transducer without it.
    """
    from kdse.plugin.rnnt import RNNTLoss

    if "warprnnt_pytorch" not in sys.modules and importlib.util.find_spec("warprnnt_pytorch") is None:
        module = types.ModuleType("warprnnt_pytorch")
        module.RNNTLoss = RNNTLoss
        sys.modules["warprnnt_pytorch"] = module


def offer_hann_sqrt() -> None:
    """Let `window: hann_sqrt` name the square root of a Hann window, for analysis and synthesis.

    Reason: with a hop of half a window its squares sum to 1, so a runtime need not divide by their sum, and sherpa-onnx's streaming
    class does not. ESPnet finds windows by name, as `torch.<name>_window`.

    Unnecessary once torch has a window of this name.
    """

    def hann_sqrt_window(length: int, **options) -> torch.Tensor:
        return torch.hann_window(length, **options).sqrt()

    if not hasattr(torch, "hann_sqrt_window"):
        torch.hann_sqrt_window = hann_sqrt_window


def drop_no_units_in_eval() -> None:
    """Let ESPnet's projected LSTM encoder (`RNNP`) drop units between its layers in training alone.

    Reason: it calls `F.dropout` without saying whether it trains, so that a recogniser gives other words each time it is asked.

    Unnecessary once two forward passes of an `RNNP` in eval mode agree.
    """
    from espnet.nets.pytorch_backend.rnn.encoders import RNNP

    def rate(encoder: RNNP) -> float:
        return encoder.__dict__["dropout"] if encoder.training else 0.0

    def set_rate(encoder: RNNP, value: float) -> None:
        encoder.__dict__["dropout"] = value

    RNNP.dropout = property(rate, set_rate)


@contextlib.contextmanager
def no_log_warnings() -> Iterator[None]:
    """In this block, drop what ESPnet logs as warnings, such as 'Set decoder to none as ctc_weight==1.0' for every CTC model.

    Unnecessary once ESPnet builds a model that is as its config says without a warning.
    """
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(level)


@contextlib.contextmanager
def atomic_checkpoints() -> Iterator[None]:
    """In this block, let a kill during `torch.save` leave the file that was there.

    Reason: ESPnet's trainer writes checkpoint.pth in place, so that a kill at that moment costs the whole training.

    Unnecessary once ESPnet writes checkpoints beside their place and renames them.
    """
    save = torch.save

    def atomic(value, file, *args, **kwargs):
        if not isinstance(file, str | Path):
            return save(value, file, *args, **kwargs)
        with atomic_path(file) as part:
            return save(value, part, *args, **kwargs)

    torch.save = atomic
    try:
        yield
    finally:
        torch.save = save
