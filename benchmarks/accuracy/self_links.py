"""``./run bench accuracy --self-links``: a list of people linked with itself, in which some stand 1 to 10,000 times.

Thousands live alone, hundreds in households of 2 to 12 that share family name, address and phone; entries are made
again exactly, or with the slips of `people_lists`. Of the records that are a person's entries made again, how many are
found with the others, and how many links are false beside the share that the plan promises?
"""

from __future__ import annotations

import tempfile
import time
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from benchmarks.accuracy.labelled import PLANS
from benchmarks.accuracy.people_lists import PeopleList, Wanted, make_list
from benchmarks.accuracy.processes import outcome
from benchmarks.accuracy.table import failures, table, write
from benchmarks.origin import origin
from linkage.plan.reading import plan_from
from linkage.plan.sections import Plan
from linkage.two_files.link import LinkSummary, link_files

Row = dict[str, Any]
Numbers = NDArray[np.int64]

SEEDS = (11, 12, 13)  # development seeds
SINGLES, HOUSEHOLDS = 3000, 40  # who live alone; households of each size, so 3,080 people more
CLUSTERS = {1: 1, 2: 300, 5: 100, 10: 40, 30: 15, 100: 5, 1000: 1, 10_000: 1}  # size -> how many
PLAN = PLANS / "people_self.toml"
FEW_FIELDS = ("name", "born", "phone")
_NOTES = """\
Each list has 3,000 people who live alone and 440 households, 40 of each size from 2 to 12, which share address, phone
and mostly the family name; some of their children are twins. Clusters are people entered again, one in two from a
household: *size* is how often each stands in the list, 1 for never again. *Slips*: a letter, a syllable, the
diacritics, a digit of day, month or year, day and month swapped, phone missing, another or with a wrong digit, address
shortened or missing, sex missing; about half of all entries have one. *Fields*: five (name, sex, date of birth, phone,
address) or three (name, date of birth, phone). *Found*: records beyond the first of each person that stand in one
entity with the most of its others; the least of the seeds in brackets. *False links*: of all seeds. *Expected*: the
share of false links that the run expects, at most the promise of the plan, 0.001. *Refused*: a gate stopped automatic
links. *Seconds* (the median) leave out starting Python and compiling; the GB are of the whole process.
"""
_HEADINGS = (
    "fields", "copies", "size", "clusters", "records", "found", "links", "false links", "share", "expected", "refused",
    "seconds", "GB",
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A kind of list and a seed."""

    few_fields: bool
    with_slips: bool
    size: int
    seed: int
    households: int = HOUSEHOLDS

    @property
    def name(self) -> str:
        return "_".join(
            ("three" if self.few_fields else "five", "slips" if self.with_slips else "exact", str(self.size),
             str(self.households), str(self.seed))
        )  # fmt: skip

    @classmethod
    def named(cls, name: str) -> Case:
        fields, copies, *numbers = name.split("_")
        size, households, seed = map(int, numbers)
        return cls(fields == "three", copies == "slips", size, seed, households)

    @property
    def n_clusters(self) -> int:
        return max(1, CLUSTERS[self.size] * self.households // HOUSEHOLDS)

    def made(self) -> PeopleList:
        singles, clusters = SINGLES * self.households // HOUSEHOLDS, [self.size] * self.n_clusters
        return make_list(Wanted(singles, self.households, clusters, self.with_slips), self.seed)

    def plan(self) -> Plan:
        """The plan of the five fields, or of three of them."""
        content = tomllib.loads(PLAN.read_text("utf-8"))
        if self.few_fields:
            content["field"] = [field for field in content["field"] if field["name"] in FEW_FIELDS]
            for part in ("pass", "comparison"):
                content[part] = [x for x in content[part] if x["left"][0].partition(".")[0] in FEW_FIELDS]
            for comparison in content["comparison"]:
                comparison.pop("group", None)
        return plan_from(content, PLAN.name)


EVALUATION = tuple(
    Case(few, slips, size, seed) for few in (False, True) for slips in (False, True) for size in CLUSTERS
    for seed in SEEDS
)  # fmt: skip
QUICK = tuple(Case(False, True, size, 11, households=4) for size in (1, 2, 100))


def figures(case: Case, work: Path) -> Row:
    """Link a list and judge it."""
    made, plan = case.made(), case.plan()
    _linked(Case(case.few_fields, True, 30, 1, households=4).made(), plan, work / "warm_up")
    start = time.perf_counter()
    summary = _linked(made, plan, work / "people")
    seconds = time.perf_counter() - start
    return judged(made, summary) | {"clusters": case.n_clusters, "seconds": {"link": round(seconds, 3)}}


def _linked(made: PeopleList, plan: Plan, folder: Path) -> LinkSummary:
    folder.mkdir(parents=True)
    pq.write_table(made.records, folder / "people.parquet")
    return link_files([folder / "people.parquet"], [folder / "people.parquet"], plan, folder / "linked")


def judged(made: PeopleList, summary: LinkSummary) -> Row:
    """What was found of a list, beside what is true."""
    ids = made.records["id"].combine_chunks()
    links = pq.read_table(summary.folder / "links.parquet")
    entities = pq.read_table(summary.folder / "entities.parquet")
    true = _numbers(pa.array(made.entities))
    left, right = (pc.index_in(links[side], ids).to_numpy() for side in ("left_id", "right_id"))
    found = np.empty_like(true)
    found[pc.index_in(entities["record_id"], ids).to_numpy()] = _numbers(entities["entity_id"].combine_chunks())
    n_again, n_joined = joined_records(true, found)
    return {
        "records": true.size,
        "again": n_again,
        "joined": n_joined,
        "links": links.num_rows,
        "false_links": int((true[left] != true[right]).sum()),
        "expected_false_match_rate": summary.expected_false_match_rate,
        "refused": summary.refusal,
        "notes": list(summary.notes),
    }


def joined_records(true: Numbers, found: Numbers) -> tuple[int, int]:
    """The records that are an entity's beyond its first, and those of them that stand in one group with the most of it;
    true, found: int64[n], entity and group of each record."""
    parts, n = np.unique(np.stack([true, found]), axis=1, return_counts=True)
    most = np.zeros(int(true.max()) + 1, np.int64)
    np.maximum.at(most, parts[0], n)
    n_entities = int(np.count_nonzero(most))
    return true.size - n_entities, int(most.sum()) - n_entities


def _numbers(values: pa.Array) -> Numbers:
    return np.asarray(values.dictionary_encode().indices.to_numpy(), np.int64)


def measure_self_links(cases: Sequence[Case], heading: dict[str, str], out: Path) -> None:
    """Measure and write after every list, so that a broken run keeps what it has."""
    for case in cases:
        with tempfile.TemporaryDirectory(prefix="self-links-") as folder:
            row = {"set": case.name, "tool": "ours"} | outcome("self_links", case.name, "ours", Path(folder)) | origin()
        write([row], heading, out, "self_links", markdown)
        told = row.get("failure") or f"{row['joined']} of {row['again']}, {row['false_links']} false"
        print(f"{case.name:32} {told}", flush=True)
    print(f"results: {out / 'self_links.md'}")


def markdown(rows: list[Row], heading: dict[str, str]) -> str:
    """The whole report."""
    lines = ["# A list linked with itself", "", *(f"- {name}: {value}" for name, value in heading.items()), "", _NOTES]
    by_case: dict[tuple[bool, bool, int, int], list[Row]] = {}
    for row in rows:
        case = Case.named(row["set"])
        if not row.get("failure"):
            by_case.setdefault((case.few_fields, case.with_slips, case.size, case.households), []).append(row)
    lines += table(_HEADINGS, [_line(*key[:3], of_case) for key, of_case in by_case.items()])
    origins = dict.fromkeys(f"- {row['commit']}, {row['date'][:10]}" for row in rows if "commit" in row)
    return "\n".join([*lines, *failures(rows), "", "Measured:", "", *origins]) + "\n"


def _line(few_fields: bool, with_slips: bool, size: int, rows: list[Row]) -> list[str]:
    n_links, n_false = (sum(row[name] for row in rows) for name in ("links", "false_links"))
    shares = [row["joined"] / row["again"] for row in rows if row["again"]]
    n_refused = sum(row["refused"] is not None for row in rows)
    return [
        "three" if few_fields else "five",
        "slips" if with_slips else "exact",
        f"{size:,}",
        str(rows[0]["clusters"]),
        f"{median(row['records'] for row in rows):,.0f}",
        f"{np.mean(shares):.4f} ({min(shares):.4f})" if shares else "-",
        f"{n_links:,}",
        str(n_false),
        f"{n_false / n_links:.5f}" if n_links else "-",
        f"{max(row['expected_false_match_rate'] for row in rows):.5f}",
        f"{n_refused} of {len(rows)}",
        f"{median(row['seconds']['link'] for row in rows):.1f}",
        f"{max(row['peak_rss_bytes'] for row in rows) / 1e9:.2f}",
    ]
