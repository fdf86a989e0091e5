"""Batched search over encoder latents: many utterances of different lengths at once, with ESPnet's models and ESPnet's rules.

Encoders run elsewhere, on utterances of one length, because ESPnet's subsampling lets padding change words. What comes after the
encoder is masked here, so that an utterance gets the hypothesis that it gets alone.
"""
