"""What the site says of registered components: made from their declarations and docstrings, never retyped."""
