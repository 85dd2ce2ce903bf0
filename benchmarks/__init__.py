"""How fast is onebeat, here, today? `python -m benchmarks` or `make bench`."""
