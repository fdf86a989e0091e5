"""CHiME-4: its corpus file (`corpus`), its own annotations and lists (`tree`), and the transcripts of WSJ0 (`wsj0`)."""
