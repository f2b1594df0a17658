"""The forms of reports by name, apart from what fills them in: the command line tells them without loading it."""

FORM_NAMES = ("appendix", "daily", "progress")
STATISTICS = "statistics"  # a page with charts, and no form: it has options of its own and is about a whole run
