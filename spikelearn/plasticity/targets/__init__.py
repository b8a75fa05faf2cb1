"""Rules that send targets down."""
