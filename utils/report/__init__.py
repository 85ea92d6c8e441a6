"""Report: in go images, maps and numbers, out come tables, figures, the explorer and a page."""

from utils.report.drawing import claims_table, interval_table, save, table, values_table
from utils.report.evidence_figures import alike, cascade, forest, intervals, removal_curves
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
from utils.report.map_figures import cam_gallery, cam_pairs, mean_maps, mistake_titles
from utils.report.page import write_page
from utils.report.pair_figures import mosaics, two_objects, verdicts
from utils.report.sentences import abstract, of_mistakes, verdict_notes

__all__ = [
    "abstract",
    "alike",
    "augmentations",
    "cam_gallery",
    "cam_pairs",
    "cascade",
    "claims_table",
    "class_accuracy",
    "class_balance",
    "confusion",
    "crops",
    "explore",
    "forest",
    "history",
    "interval_table",
    "intervals",
    "mean_maps",
    "mistake_titles",
    "mosaics",
    "objects",
    "of_mistakes",
    "reliability",
    "removal_curves",
    "samples",
    "save",
    "table",
    "two_objects",
    "values_table",
    "verdict_notes",
    "verdicts",
    "write_page",
]
