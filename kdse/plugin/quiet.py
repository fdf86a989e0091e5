"""Import ESPnet without its attempt to download tagger data and without its import-time warnings.

Importing `espnet2.tasks` imports g2p_en, which asks the network for two NLTK files that only phoneme tokens need. Nothing here uses
phonemes; who does can call `nltk.download` as usual afterwards.
"""

import contextlib
import io
import logging
import warnings


def import_espnet() -> None:
    """Import the ESPnet tasks that kdse builds on, once (about 9 s), silently; an import error is raised as it is."""
    import nltk

    download, nltk.download = nltk.download, lambda *args, **kwargs: False
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import espnet2.tasks.asr
            import espnet2.tasks.enh
            import espnet2.tasks.enh_s2t  # noqa: F401
    finally:
        nltk.download = download
        logging.disable(level)
    warnings.filterwarnings("ignore", category=FutureWarning, module="espnet2")
    warnings.filterwarnings("ignore", category=FutureWarning, message=".*autocast.*")
    warnings.filterwarnings("ignore", category=UserWarning, message=".*lr_scheduler.step.*")
