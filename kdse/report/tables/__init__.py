"""One file for each table; what a table shows follows from the registries of systems, metrics and corpora."""
