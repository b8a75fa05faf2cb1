"""Rules that pair the spikes of both sides."""
