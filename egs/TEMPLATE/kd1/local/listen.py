#!/usr/bin/env python3
"""An example of a program for conf/decode/command.yaml: recognises WAVs with PocketSphinx, prints the name and words of each."""

import sys
import wave
from pathlib import Path

from pocketsphinx import Decoder

decoder = Decoder(samprate=16000, loglevel="FATAL")
for line in Path(sys.argv[1]).read_text(encoding="utf-8").splitlines():
    with wave.open(line, "rb") as audio:
        samples = audio.readframes(audio.getnframes())
    decoder.reinit_feat()
    decoder.start_utt()
    decoder.process_raw(samples, full_utt=True)
    decoder.end_utt()
    hypothesis = decoder.hyp()
    print(Path(line).stem, hypothesis.hypstr if hypothesis else "")
