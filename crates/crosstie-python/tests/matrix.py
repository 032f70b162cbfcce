"""The table of scenarios and pairs of languages, as it is printed and stands in docs/languages.md."""

import re

#: In the order of the columns.
LANGUAGES = ("rust", "shell", "c", "python")
PAIRS = [(one, other) for one in LANGUAGES for other in LANGUAGES]
_TEST = re.compile(r"test_languages\.py::test_two_languages\[(\w+)-(\w+)-(\w+)\]")
#: What is in a cell.
_MARKS = {"passed": "+", "failed": "FAILED", "error": "FAILED", "skipped": "-"}


def rows(reports):
    """The table's lines, of pytest's reports by their outcome; none if no scenario ran."""
    cells = {}
    for outcome, mark in _MARKS.items():
        for report in reports.get(outcome, []):
            found = _TEST.search(getattr(report, "nodeid", ""))
            if found:
                scenario, *pair = found.groups()
                cells.setdefault(scenario, {})[tuple(pair)] = mark
    if not cells:
        return []
    heads = [f"{one[0]}→{other[0]}" for one, other in PAIRS]
    table = ["| scenario | " + " | ".join(heads) + " |", "|---" * (len(heads) + 1) + "|"]
    for scenario, of in cells.items():
        table.append(f"| {scenario.replace('_', ' ')} | " + " | ".join(of.get(pair, " ") for pair in PAIRS) + " |")
    ran = [mark for of in cells.values() for mark in of.values()]
    return [*table, "", f"{len(cells)} scenarios in {len(PAIRS)} pairs: {ran.count('+')} of {len(ran)} hold"]
