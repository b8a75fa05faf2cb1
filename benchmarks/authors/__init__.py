"""Programs by the authors of learning rules beside ours (``python -m benchmarks.authors``)."""
