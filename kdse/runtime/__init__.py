"""The student at work: NumPy and ONNX Runtime, nothing else."""
