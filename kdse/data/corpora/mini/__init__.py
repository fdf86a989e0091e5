"""The embedded corpus: its corpus file (`corpus`), sentences (`text`), speakers (`voices`, `tts`), noises (`noises`, `babble`)."""
