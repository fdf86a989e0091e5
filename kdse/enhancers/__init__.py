"""Whatever turns a noisy waveform into an enhanced one, behind one signature."""
