"""What kind of recogniser the folder of stage 3 holds."""

from pathlib import Path

WHISPER_FILES = ("model.bin", "config.json", "tokenizer.json", "vocabulary.txt")
"""A Whisper model in CTranslate2's format."""


def is_whisper(backend: Path | str) -> bool:
    """Whether it is a Whisper model; else it is one of ESPnet's."""
    return (Path(backend) / WHISPER_FILES[0]).is_file()
