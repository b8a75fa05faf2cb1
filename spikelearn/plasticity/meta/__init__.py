"""Rules that are themselves learned: pools of local terms, and what weighs them."""
