"""Reports on a published run: the forms that the offices use (`exports.forms.FORM_NAMES`), and the statistics of the
linkage as a page with charts.

They are imported when they are first asked for: who only explains a dose does without their writers.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from linkage.reports.writing import FORMATS, FORMS, STATISTICS_FORMAT, write_form, write_report

__all__ = ["FORMATS", "FORMS", "STATISTICS_FORMAT", "write_form", "write_report"]


def __getattr__(name: str) -> object:
    if name in __all__:
        return getattr(import_module(f"{__name__}.writing"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
