"""What every part uses and what knows no speech: errors, files, configs, steps, progress, provenance, processes, nodes."""
