"""Tables, plots and pages, rendered from committed score rows and from nothing else."""
