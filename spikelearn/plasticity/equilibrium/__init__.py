"""Rules of networks that settle."""
