"""The search for a rule's settings, with an equal budget for every rule."""
