"""What turns noisy speech y into an estimate ŝ of clean speech: classical front ends, and trained ones."""
