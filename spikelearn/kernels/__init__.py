"""Compiled loops, and the checks of their arguments; nothing is compiled before a loop is first called.

Modules with loops are imported where a loop is first needed: numba takes longer to import than most commands to run.
"""
