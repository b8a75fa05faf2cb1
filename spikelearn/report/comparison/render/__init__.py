"""The forms of a report: HTML, Markdown and LaTeX, all from the same page."""
