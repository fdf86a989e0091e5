"""Speech and noises of several collections: file (`corpus`), splits (`speech`), made noises and rooms (`noises`, `rooms`)."""
