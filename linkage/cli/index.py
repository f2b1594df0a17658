"""``index``: build, change and inspect a registry index."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from linkage.cli.options import N_CORES, AsOf, Columns, Json, Threads, column_names, day
from linkage.cli.printing import print_result
from linkage.cli.progress import progress
from linkage.cli.talk import print_notes, say


def index_build(
    registry: Annotated[list[Path], typer.Argument(help="Registry files.")],
    out: Annotated[Path, typer.Option(help="Folder of the index.")],
    units: Annotated[Path | None, typer.Option(help="Folder of administrative units by date.")] = None,
    commune_date: Annotated[str | None, typer.Option(help="2021 or 2025; told from the codes when not given.")] = None,
    plan: Annotated[Path | None, typer.Option(help="Linkage plan; the vaccination plan when not given.")] = None,
    columns: Columns = None,
    as_of: AsOf = None,
    threads: Threads = N_CORES,
    as_json: Json = False,
) -> None:
    """Build the index of a registry.

    \b
    Example: linkage index build registry.csv --units units --out index
    """
    from linkage.registry.from_files import build_from_files

    notes, told = list[str](), dict[str, int]()
    with progress() as on_progress:
        index = build_from_files(
            registry,
            out,
            units=units,
            commune_date=commune_date,
            plan_file=plan,
            columns=column_names(columns),
            as_of=day(as_of),
            n_threads=threads,
            on_progress=on_progress,
            on_note=notes.append,
            on_contradiction=lambda found: told.update({found.name: found.n}),
        )
    print_notes(notes)
    print_result(_index_summary(index) | ({"contradictions": told} if told else {}), as_json)


def index_apply(
    changes: Annotated[Path, typer.Argument(help="File of changed, new and removed registry rows.")],
    index: Annotated[Path, typer.Option(help="Folder of the index.")],
    partial: Annotated[bool, typer.Option("--partial", help="Only what a row states changes.")] = False,
    whole: Annotated[bool, typer.Option("--whole", help="What a row does not state is empty from then on.")] = False,
    columns: Columns = None,
    as_of: AsOf = None,
    threads: Threads = N_CORES,
    as_json: Json = False,
) -> None:
    """Apply changes to an index.

    A row replaces the person of its person_id; the status 'removed' takes the person out. A value that cannot be read
    never replaces one that can.

    \b
    Example: linkage index apply changes.csv --index index --partial
    """
    from linkage.registry.from_files import apply_changes

    notes = list[str]()
    with progress() as on_progress:
        applied = apply_changes(
            changes,
            index,
            partial=partial,
            whole=whole,
            columns=column_names(columns),
            as_of=day(as_of),
            n_threads=threads,
            on_progress=on_progress,
            on_note=notes.append,
        )
    print_notes(notes)
    counts = {name: getattr(applied, name) for name in ("new", "changed", "removed", "removed_unknown")}
    if not (applied.new or applied.changed or applied.removed):
        say(f"nothing to do: {changes} changes nobody in the index")
    counts |= {name: dict(told) for name in ("unread", "contradictions") if (told := getattr(applied, name))}
    print_result(_index_summary(applied.index) | counts, as_json)


def index_compact(
    index: Annotated[Path, typer.Option(help="Folder of the index.")],
    threads: Threads = N_CORES,
    as_json: Json = False,
) -> None:
    """Build an index with changes afresh.

    It is made from its own persons, and answers the same, and faster.

    \b
    Example: linkage index compact --index index
    """
    from linkage.registry.from_files import compact_index

    with progress() as on_progress:
        compacted = compact_index(index, n_threads=threads, on_progress=on_progress)
    print_result(_index_summary(compacted), as_json)


def index_rollback(
    index: Annotated[Path, typer.Option(help="Folder of the index.")],
    to: Annotated[str | None, typer.Option(help="Name of a version; the one before when not given.")] = None,
    as_json: Json = False,
) -> None:
    """Put an earlier version of an index in force.

    No version is taken away, so that --to also goes forward again. The version is verified whole before it counts.

    \b
    Example: linkage index rollback --index index
    """
    from linkage.registry.rollback import roll_back

    print_result(_index_summary(roll_back(index, to)), as_json)


def index_info(index: Annotated[Path, typer.Argument(help="Folder of the index.")], as_json: Json = False) -> None:
    """Show what an index was built from, and verify it.

    \b
    Example: linkage index info index
    """
    from linkage.registry.index import open_index, verify_index

    opened = open_index(index)
    verify_index(opened)
    print_result(_index_summary(opened), as_json)


def _index_summary(index: Any) -> dict[str, Any]:
    from linkage.storage.versions import versions

    manifest = index.manifest
    keys = ("persons", "commune_date", "latest_date", "inputs", "content")
    said = {"index": str(index.folder), "version": index.folder.name, **{key: manifest[key] for key in keys}}
    return said | {"versions": [path.name for path in versions(index.folder.parent)]}
