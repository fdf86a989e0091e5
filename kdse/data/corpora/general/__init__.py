"""Speech and noises of several collections: corpus file (`corpus`), who is in which split (`speech`), made noises (`noises`)."""
