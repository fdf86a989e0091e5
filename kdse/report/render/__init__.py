"""From tables and texts to files: Markdown, CSV, LaTeX, plain text and the HTML page, and what of it is committed."""
