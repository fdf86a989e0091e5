"""One file for each plot. matplotlib is imported by the first figure that is drawn (see `style`)."""
