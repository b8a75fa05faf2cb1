"""What several neurons are made of."""
