"""Rules whose errors go down through the weights that a network began with; importing the rules registers them."""
