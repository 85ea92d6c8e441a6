"""Report: in go images, maps and numbers, out come tables, figures, the explorer and a page."""

from utils.report.blind import blind_test
from utils.report.common_figures import (
    groups,
    least_changes,
    margins,
    neighbours,
    plane,
    under_edits,
)
from utils.report.drawing import save
from utils.report.evidence_figures import alike, cascade, forest, intervals, panels, removal_curves
from utils.report.explorer import explore
from utils.report.export import open_in_spotlight, write_maps, write_overlays
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
from utils.report.map_figures import gallery, mean_maps, mistake_titles
from utils.report.page import write_page
from utils.report.pair_figures import mosaics, two_objects, verdicts
from utils.report.sentences import abstract, of_each, of_mistakes, verdict_columns
from utils.report.tables import (
    causes_table,
    claims_table,
    groups_table,
    interval_table,
    kinds_table,
    networks_text,
    p_text,
    rates_table,
    table,
    values_table,
)

__all__ = [
    "abstract",
    "alike",
    "augmentations",
    "blind_test",
    "cascade",
    "causes_table",
    "claims_table",
    "class_accuracy",
    "class_balance",
    "confusion",
    "crops",
    "explore",
    "forest",
    "gallery",
    "groups",
    "groups_table",
    "history",
    "interval_table",
    "intervals",
    "kinds_table",
    "least_changes",
    "margins",
    "mean_maps",
    "mistake_titles",
    "mosaics",
    "neighbours",
    "networks_text",
    "objects",
    "of_each",
    "of_mistakes",
    "open_in_spotlight",
    "p_text",
    "panels",
    "plane",
    "rates_table",
    "reliability",
    "removal_curves",
    "samples",
    "save",
    "table",
    "two_objects",
    "under_edits",
    "values_table",
    "verdict_columns",
    "verdicts",
    "write_maps",
    "write_overlays",
    "write_page",
]
