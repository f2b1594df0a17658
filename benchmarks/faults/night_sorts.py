"""What nights read, and how each sort of it is read by itself: doses, withdrawals, verdicts, changes of the registry,
``night.toml``, plans, models, and every file of an index, a state and a published night.

An input must be read with every record accepted or rejected, or be refused. A damaged file of what the program keeps
must be told, exit code 4, or everything is read as it was.
"""

from __future__ import annotations

import datetime
import hashlib
import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.faults.fuzz_reading import lost
from benchmarks.faults.fuzz_sorts import FORMS, of_json, of_plan
from benchmarks.faults.hostile_tables import mutated_table
from benchmarks.faults.mutations import mutated_bytes, mutated_workbook
from benchmarks.faults.town import SECOND_NIGHT, Town
from linkage.errors import LinkageError
from linkage.ingest import ingest
from linkage.machine.stage_clock import Clock
from linkage.nights.arriving import Arrived, read_arrivals
from linkage.nights.configuration import read_configuration
from linkage.nights.inputs import inputs_of
from linkage.nights.verdict_files import read_arrived_verdicts
from linkage.nights.verdicts import in_force, published_verdicts, verdict_changes
from linkage.nights.versions import dose_changes
from linkage.plan.reading import load_plan
from linkage.published.reader import check_published
from linkage.registry.changing import Reading, changed_version
from linkage.registry.index import Index, open_index
from linkage.schema import CHANGES_OF_REGISTRY, DOSES, VERDICT_WORDS, VERDICTS
from linkage.state.folder import State, open_state
from linkage.state.rows import versions_of
from linkage.state.tables import TABLES
from linkage.training.model_file import Model

_ROWS = 24
_DATE = datetime.date.fromisoformat(SECOND_NIGHT)
_VERIFICATION = 4  # exit code
# What was done, the file that it was done to, and its bytes.
Mutate = Callable[[random.Random], tuple[str, Path, bytes]]


@dataclass(frozen=True)
class NightSort:
    """A sort of input: how often it comes beside the others, how it is mutated, how it is read. ``read`` gives what
    is wrong with what was read, None where nothing is."""

    name: str
    times: int
    mutate: Mutate
    read: Callable[[Path], str | None]
    codes: tuple[int, ...] = (2, 4)  # of a refusal


def night_sorts(town: Town, folder: Path) -> Iterator[NightSort]:
    """Every sort; folder: an empty one, in which mutated files and copies of index, state and nights lie."""
    shutil.copytree(town.nights, folder / "nights")
    index, state = open_index(folder / "nights" / "index"), open_state(folder / "nights" / "state")
    yield from _tables(town, folder, index, state)
    config = folder / "nights" / "night.toml"
    yield NightSort(
        "night.toml", 40, _text_of(config, of_plan(config.read_bytes())), lambda path: _read_night_toml(path, state)
    )
    plan = folder / "plan.toml"
    yield NightSort("plan.toml", 15, _text_of(plan, of_plan(town.plan.read_bytes())), _reads(load_plan))
    model = folder / "model.json"
    yield NightSort("model.json", 15, _text_of(model, of_json(town.model.read_bytes())), _reads(Model.load))
    yield from _kept(folder / "nights")


# ----------------------------------------------------------------------------------------------------- what arrives


def _tables(town: Town, folder: Path, index: Index, state: State) -> Iterator[NightSort]:
    work = folder / "work"
    work.mkdir()
    doses = _some_doses(town)
    sorts: dict[str, tuple[pa.Table, Callable[[Path], str | None], int]] = {
        "doses": (doses, lambda path: lost(ingest([path], DOSES, scratch=work)), 12),
        "doses entered": (doses, lambda path: _read_arrivals(path, True, index, state, work), 1),
        "withdrawals": (_withdrawals(doses), lambda path: _read_arrivals(path, False, index, state, work), 12),
        "verdicts": (_verdicts(doses, town), lambda path: _read_verdicts(path, index, state, work), 2),
        "registry changes": (_changes(town), lambda path: _read_changes(path, index, work), 2),
    }
    for name, (table, read, times) in sorts.items():
        for form in ("csv", "xlsx", "parquet"):
            path = folder / f"{name.split()[0]}.{form}"
            yield NightSort(f"{name}.{form}", times, _table_of(path, table, form), read)


def _table_of(path: Path, table: pa.Table, form: str) -> Mutate:
    write = FORMS[form]
    content = write(table)

    def mutate(rng: random.Random) -> tuple[str, Path, bytes]:
        if rng.random() < 0.5:
            what, changed = mutated_table(table, rng, has_types=form == "parquet")
            return what, path, write(changed)
        is_book = form == "xlsx" and rng.random() < 0.7
        what, found = mutated_workbook(content, rng) if is_book else mutated_bytes(content, rng)
        return what, path, found

    return mutate


def _some_doses(town: Town) -> pa.Table:
    """Doses that the state has and doses that it has not, the half of the first corrected."""
    every = pq.read_table(town.data("doses"))
    half = every.num_rows // 2
    known, new = every.slice(half - _ROWS // 2, _ROWS // 2), every.slice(half + 10, _ROWS // 2)
    lots = pa.array([f"L{number}" if number % 2 else None for number in range(known.num_rows)], pa.string())
    known = known.set_column(known.column_names.index("lot"), "lot", lots)
    return pa.concat_tables([known, new]).cast(new.schema)


def _withdrawals(doses: pa.Table) -> pa.Table:
    reasons = pa.array([("keyed twice", None)[number % 2] for number in range(doses.num_rows)], pa.string())
    return pa.table({"dose_id": doses["dose_id"], "reason": reasons})


def _verdicts(doses: pa.Table, town: Town) -> pa.Table:
    persons = pq.read_table(town.data("registry"), columns=["person_id"])["person_id"].to_pylist()
    rows = [
        {
            "dose_id": dose,
            "verdict": VERDICT_WORDS[number % len(VERDICT_WORDS)],
            "person_id": persons[number] if number % len(VERDICT_WORDS) == 0 else None,
            "unit": "00001",
            "decided_by": f"officer {number % 3}",
            "decided_at": f"2022-08-{number % 30 + 1:02}T10:00",
            "note": "seen",
        }
        for number, dose in enumerate(doses["dose_id"].to_pylist())
    ]
    return pa.Table.from_pylist(rows, pa.schema([(name, pa.string()) for name in VERDICTS.names]))


def _changes(town: Town) -> pa.Table:
    people = pq.read_table(town.data("registry")).slice(0, _ROWS).to_pylist()
    for number, row in enumerate(people):
        row["phone"] = f"09{number:08}"
        row["status"] = ("alive", "còn sống", "đã chết", "removed", None)[number % 5]
        row["person_id"] = f"N{number:09}" if number % 7 == 6 else row["person_id"]
    return pa.Table.from_pylist(people, pa.schema([(name, pa.string()) for name in CHANGES_OF_REGISTRY.names]))


def _arrived(path: Path | None, is_doses: bool, index: Index, work: Path) -> Arrived:
    paths = [] if path is None else [path]
    doses, withdrawals = (paths, []) if is_doses else ([], paths)
    return read_arrivals(doses, withdrawals, {}, index, 1, work, Clock(lambda *_: None))


def _read_arrivals(path: Path, is_doses: bool, index: Index, state: State, work: Path) -> str | None:
    arrived = _arrived(path, is_doses, index, work)
    (file,) = arrived.every_file
    n_taken = arrived.doses.num_rows if is_doses else arrived.withdrawals.num_rows
    if not file.physical_records == file.accepted + file.rejected == n_taken + arrived.rejected.num_rows:
        return f"{file.physical_records} records, {n_taken} taken and {arrived.rejected.num_rows} rejected"
    counts = dose_changes(arrived, state).counts
    n_told = counts["new"] + counts["corrected"] + counts["unchanged"]
    return None if not is_doses or n_told == n_taken else f"{n_taken} records, which became {counts}"


def _read_verdicts(path: Path, index: Index, state: State, work: Path) -> str | None:
    nothing = _arrived(None, True, index, work)
    changes = dose_changes(nothing, state)
    arrived, found = read_arrived_verdicts(nothing, [path], {}, index, state, changes, _DATE, work)
    assert found is not None
    problem = lost(found)
    became = verdict_changes(found, state, changes, index)
    published_verdicts(became)
    in_force(became.known)
    n_told = became.counts["new"] + became.counts["unchanged"]
    if problem is None and n_told != found.accepted.num_rows:
        problem = f"{found.accepted.num_rows} verdicts, which became {became.counts}"
    return problem or (None if arrived.rejected.num_rows == found.rejected.num_rows else "rejected ones are lost")


def _read_changes(path: Path, index: Index, work: Path) -> str | None:
    version = work / "changes" / "version"
    version.parent.mkdir(exist_ok=True)
    try:
        outcome, _, ids = changed_version(index, path, version, Reading(), n_threads=1)
    finally:
        shutil.rmtree(version.parent)
    n_told = outcome.new + outcome.changed + outcome.removed
    return None if n_told == len(ids) == len(ids.unique()) else f"{outcome} of {len(ids)} people"


# ----------------------------------------------------------------------------------------------- what people write


def _text_of(path: Path, mutate: Callable[[random.Random], tuple[str, bytes]]) -> Mutate:
    def mutated(rng: random.Random) -> tuple[str, Path, bytes]:
        what, content = mutate(rng)
        return what, path, content

    return mutated


def _reads(load: Callable[[Path], object]) -> Callable[[Path], None]:
    """What is read whole or refused."""

    def read(path: Path) -> None:
        load(path)

    return read


def _read_night_toml(path: Path, state: State) -> str | None:
    inputs = inputs_of(read_configuration(path), _DATE, state)
    named = (*inputs.doses, *inputs.withdrawals, *inputs.registry_changes, *inputs.verdicts)
    return None if all(found.exists() for found in named) else "a file is named that is not there"


# ---------------------------------------------------------------------------------------------- what the program keeps


def _kept(nights: Path) -> Iterator[NightSort]:
    """Every file of the index, the state and the published night, of which the small ones come more often."""
    reads: dict[str, tuple[Callable[[], str], int]] = {
        "index": (lambda: _content_of_index(nights / "index"), 6),
        "state": (lambda: _content_of_state(nights / "state"), 15),
        "nights": (lambda: _content_of_nights(nights / "nights"), 8),
    }
    for name, (content_of, times) in reads.items():
        place = nights / name
        if name == "nights":
            files = sorted(path for path in place.rglob("*") if path.is_file())
        else:
            version = place / (place / "current").read_text("ascii").strip()
            files = [place / "current", *sorted(path for path in version.rglob("*") if path.is_file())]
        yield NightSort(f"files of {name}", times, _file_of(files, nights), _same(content_of), (_VERIFICATION,))


def _file_of(files: list[Path], place: Path) -> Mutate:
    small = sorted(files, key=lambda path: path.stat().st_size)[: max(1, len(files) // 3)]

    def mutate(rng: random.Random) -> tuple[str, Path, bytes]:
        path = rng.choice(small if rng.random() < 0.5 else files)
        content = path.read_bytes()
        if path.suffix == ".json" and rng.random() < 0.5:
            what, changed = of_json(content)(rng)
        else:
            what, changed = mutated_bytes(content, rng)
        return f"{path.relative_to(place)}: {what}", path, changed

    return mutate


def _same(content_of: Callable[[], str]) -> Callable[[Path], str | None]:
    """Whether what is read of damaged files is what was read before."""
    before = content_of()
    return lambda path: None if content_of() == before else "read otherwise than it was written, and nobody told"


def _content_of_index(place: Path) -> str:
    index = open_index(place)
    found = hashlib.sha256(_bytes(index.persons.read()))
    for name, column in sorted(index.columns.items()):
        found.update(b"".join([name.encode(), *(part.tobytes() for part in column.parts)]))
    words = index.dictionaries.syllables.syllables, index.dictionaries.words, index.manifest["content"]
    found.update(repr(words).encode())
    return found.hexdigest()


def _content_of_state(place: Path) -> str:
    state = open_state(place)
    found = hashlib.sha256(repr((state.nights, state.epoch, state.manifest["counts"])).encode())
    if state.model is not None:
        found.update(Model.load(state.model).digest().encode())
    for file in state.epoch_files.values():
        file.check()
    for table in TABLES.values():
        found.update(_bytes(versions_of(state, table)))
    return found.hexdigest()


def _content_of_nights(place: Path) -> str:
    found = hashlib.sha256()
    for folder in sorted(place.iterdir()):
        manifest = check_published(folder, "outputs")
        found.update(repr(sorted(manifest["outputs"].items())).encode())
    return found.hexdigest()


def _bytes(table: pa.Table) -> pa.Buffer:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    return sink.getvalue()


def refused(error: LinkageError, codes: tuple[int, ...]) -> str | None:
    """What is wrong with a refusal; None where nothing is."""
    lines = str(error).splitlines()
    if len(lines) != 1 or not lines[0].strip():
        return f"{len(lines)} lines: {str(error)[:200]}"
    return None if error.exit_code in codes else f"exit {error.exit_code}: {lines[0][:200]}"
