"""Stage 11: trained students as ONNX files of one frame."""
