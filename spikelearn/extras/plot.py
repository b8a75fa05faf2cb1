"""Imported where pictures are drawn, before matplotlib: says which extra is missing."""

from spikelearn.extras import check_extra

check_extra("plot", "drawing")
