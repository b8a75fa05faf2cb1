"""What runs a three-factor rule: walks over steps and blocks, slopes, pairs of signal and trace, the report on them."""
