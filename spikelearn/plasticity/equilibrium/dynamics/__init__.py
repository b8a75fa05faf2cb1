"""How values come to rest: fixed points, descent, and equations of motion."""
