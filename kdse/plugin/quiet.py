"""Import ESPnet without its attempt to download tagger data, without its import-time warnings, and in half the time.

Importing `espnet2.tasks` imports g2p_en, which asks the network for two NLTK files that only phoneme tokens need. Nothing here uses
phonemes; who does can call `nltk.download` as usual afterwards. typeguard rewrites each of ESPnet's functions at its import, so
that it checks the types of its arguments; half of the import's time goes there, so it is left out. Every module of
the plug-in imports this one before `espnet2`.
"""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator


@contextlib.contextmanager
def no_log_warnings() -> Iterator[None]:
    """Drop what ESPnet logs as warnings, such as 'Set decoder to none as ctc_weight==1.0' whenever a CTC model is built."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(level)


def _unchecked(function=None, **options):
    """`typeguard.typechecked`, as a decorator with and without options, that leaves a function as it is."""
    return function if function is not None else _unchecked


def import_espnet() -> None:
    """Import the ESPnet tasks that kdse builds on, once (it takes seconds), silently; an import error is raised as it is."""
    import nltk
    import typeguard

    download, nltk.download = nltk.download, lambda *args, **kwargs: False
    typechecked, typeguard.typechecked = typeguard.typechecked, _unchecked
    try:
        with (
            no_log_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            import espnet2.tasks.asr
            import espnet2.tasks.enh
            import espnet2.tasks.enh_s2t  # noqa: F401
    finally:
        nltk.download, typeguard.typechecked = download, typechecked
    warnings.filterwarnings("ignore", category=FutureWarning, module="espnet2")
    warnings.filterwarnings("ignore", category=FutureWarning, message=".*autocast.*")
    warnings.filterwarnings("ignore", category=UserWarning, message=".*lr_scheduler.step.*")


import_espnet()
