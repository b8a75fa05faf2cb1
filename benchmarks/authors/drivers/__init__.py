"""One driver for each program: it imports the program from its folder, and names its weights as ours are named."""
