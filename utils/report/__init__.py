"""Report: in go images, maps and numbers, out come tables, figures, the explorer and a page."""

from utils.report.drawing import interval_table, save, table
from utils.report.evidence_figures import cascade, intervals, removal_curves
from utils.report.explorer import explore
from utils.report.figures import (
    augmentations,
    class_accuracy,
    class_balance,
    confusion,
    crops,
    history,
    objects,
    reliability,
    samples,
)
from utils.report.map_figures import cam_gallery, cam_pairs, mean_maps, mistake_titles, two_objects
from utils.report.page import write_page

__all__ = [
    "augmentations",
    "cam_gallery",
    "cam_pairs",
    "cascade",
    "class_accuracy",
    "class_balance",
    "confusion",
    "crops",
    "explore",
    "history",
    "interval_table",
    "intervals",
    "mean_maps",
    "mistake_titles",
    "objects",
    "reliability",
    "removal_curves",
    "samples",
    "save",
    "table",
    "two_objects",
    "write_page",
]
