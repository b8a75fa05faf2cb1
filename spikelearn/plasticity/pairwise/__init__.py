"""Rules whose blocks learn from pairs of samples: whether two are of one class."""
