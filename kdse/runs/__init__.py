"""What a run is and is called: its record, its name, whether it may touch a test set, what it costs to run."""
