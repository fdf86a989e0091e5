"""The student applied to what users have: arrays, files, folders, pipes."""
