"""What `plan check` found, as sentences."""

from __future__ import annotations

from linkage.planning.checking import FieldCheck, PassCheck, PlanCheck


def render(check: PlanCheck) -> str:
    """The check for the terminal, a line for each pass, field and warning."""
    head = f"plan {check.name!r} is valid: {check.fields} fields, {check.comparisons} comparisons that can agree in "
    lines = [head + f"{check.patterns:,} ways"]
    if check.rows is not None:
        lines.append(f"left {check.rows[0]:,} records, right {check.rows[1]:,}")
        lines += [_pass(p, check.rows[0]) for p in check.passes]
        lines += [_field(f) for f in check.read]
    lines += [f"warning: {warning}" for warning in check.warnings]
    return "\n".join(lines)


def _pass(p: PassCheck, n_left: int) -> str:
    keys = f"{p.left_with_key:.0%} of the left and {p.right_with_key:.0%} of the right records have its key"
    each = f"{p.pairs / max(1, n_left):.1f} for each left record, {p.largest_block:,} for one at most"
    return f"pass {p.name}: {p.pairs:,} pairs, {each}; {keys}"


def _field(f: FieldCheck) -> str:
    return f"field {f.name} ({f.kind}), {f.side}: {f.filled:.0%} filled, {f.read:.0%} of that read"
