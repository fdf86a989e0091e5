"""Speech and noise: reading, data dirs, packs for training, and mixing."""
