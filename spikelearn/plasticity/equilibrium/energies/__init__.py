"""Energies of networks, and the maps between layers that they are made of."""
