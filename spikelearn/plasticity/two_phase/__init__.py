"""Rules that present a batch twice."""
