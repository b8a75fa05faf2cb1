"""Our training step against those of other libraries; ``python -m benchmarks.peers --help``."""
