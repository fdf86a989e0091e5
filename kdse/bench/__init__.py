"""Benchmarks: what trainings, front ends, scoring and decoding cost. Nothing that works imports them."""
