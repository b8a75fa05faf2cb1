"""Rules that descend the gradient of a loss."""
