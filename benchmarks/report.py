"""The results as Markdown tables; the JSON file has every round."""

__all__ = ["markdown"]


def markdown(report):
    """Return a whole run as Markdown."""
    machine = report["machine"]
    lines = [f"# {report['command']}", "", *(f"- {name}: {value}" for name, value in machine.items())]
    lines += [f"- took {report['seconds']:.0f} s{', quick mode' if report['quick'] else ''}", ""]
    for part in report["parts"]:
        lines += [f"## ({part['part']}) {part['title']}", ""]
        for comparison in part["comparisons"]:
            lines += [*_comparison(comparison), ""]
    return "\n".join(lines)


def _comparison(told):
    columns, references = list(told["columns"]), _references(told)
    head = [
        *(["case"] if len(told["keys"]) > 1 else []),
        "side",
        *told["columns"].values(),
        *(f"÷ {name}" for name in references),
        "setting",
    ]
    rows = [
        [*([key] if len(told["keys"]) > 1 else []), name, *_cells(told["sides"][name], key, columns, references)]
        for key in told["keys"]
        for name in told["sides"]
        if key in told["sides"][name]["median"]
    ]
    lines = [f"### {told['title']}", "", told["about"], "", *_table(head, rows), ""]
    for name, side in told["sides"].items():
        if side["error"]:
            lines.append(f"- {name}: {side['error']}")
        elif side["cold"]:
            lines.append(f"- {name}: only the warm-up was measured, there was no time for more")
    for name, missing in told["skipped"].items():
        lines.append(f"- {name}: skipped, {', '.join(missing)} not installed (pip install --group bench)")
    for goal in told["goals"]:
        verdict = "met" if goal["met"] else "MISSED"
        lines.append(f"- goal: {goal['goal']}: wanted {goal['wanted']}, reached {_number(goal['reached'])}: {verdict}")
    return lines


def _references(told):
    return sorted({name for side in told["sides"].values() for name in side["ratios"]})


def _cells(side, key, columns, references):
    median = side["median"][key]
    ratios = [side["ratios"].get(name, {}).get(key) for name in references]
    numbers = [_number(median.get(name)) for name in columns]
    return [*numbers, *("" if ratio is None else f"{ratio:.2f}" for ratio in ratios), median.get("setting", "")]


def _number(value):
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _table(head, rows):
    widths = [max(len(row[place]) for row in [head, *rows]) for place in range(len(head))]
    line = lambda row: "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
    return [line(head), line(["-" * width for width in widths]), *map(line, rows)]
