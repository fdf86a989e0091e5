"""Tables, plots and pages, rendered from committed score rows and measured costs, and from nothing else."""
