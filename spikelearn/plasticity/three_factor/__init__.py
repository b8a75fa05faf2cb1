"""Rules of three factors: a signal, a trace and the derivative between them."""
