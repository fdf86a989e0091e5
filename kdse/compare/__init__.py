"""`kdse compare`: a student beside the enhancers that people use, on recordings of theirs, by recognisers of their choice."""
