"""The page of statistics: it stands alone, its figures are those of the run, and it tells nothing of single people."""

from __future__ import annotations

import base64
import hashlib
import html.parser
import json
import math
import os
import re
import shutil
import subprocess
import unicodedata
from collections import Counter
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkage.deciding.decide import NO_RIVALS, Decided
from linkage.encode.dictionaries import Dictionaries
from linkage.errors import UsageError, VerificationError
from linkage.insight.evaluate import evaluate
from linkage.plan.reading import load_plan
from linkage.published.groups import GROUPS, groups_table
from linkage.reports import write_form
from linkage.reports.examples import chosen_doses, examples_of_run, mask
from linkage.reports.page import chart
from linkage.reports.rounding import rounded, shown
from linkage.reports.statistics import BITS_PER_BAR, statistics_of_run
from linkage.reports.statistics_page import write_statistics
from linkage.schema import STATUSES
from linkage.scoring.batch import Batch
from linkage.scoring.ranking import Ranked
from linkage.standardise.places import Units
from linkage.storage.sealed import sealed
from linkage.training.model_file import Model
from tests.district import District, call, make_district, manifest, rows_of, table
from tests.small_country import write_small_country

Tables = dict[str, list[list[list[str]]]]

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def district(tmp_path_factory: pytest.TempPathFactory) -> District:
    return make_district(tmp_path_factory.mktemp("district"))


@pytest.fixture(scope="module")
def page_file(district: District) -> Path:
    out = district.folder / "statistics.html"
    write_statistics(district.run_dir, out, truth=district.path("truth"))
    return out


@pytest.fixture(scope="module")
def page(page_file: Path) -> str:
    return page_file.read_text(encoding="utf-8")


class _Reader(html.parser.HTMLParser):
    """Tables by section, as rows of texts, and the contents of data scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: Tables = {}
        self.specs: list[dict[str, Any]] = []
        self.scripts: list[str] = []
        self.section = self.text = ""
        self.script: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "section":
            self.section = given["id"] or ""
            self.tables[self.section] = []
        elif tag == "table":
            self.tables[self.section].append([])
        elif tag == "tr":
            self.tables[self.section][-1].append([])
        elif tag == "script":
            self.script = given.get("type") or "javascript"
        self.text = ""

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self.tables[self.section][-1][-1].append(self.text)
        elif tag == "script":
            if self.script == "application/json":
                self.specs.append(json.loads(self.text))
            else:
                self.scripts.append(self.text)
        self.text = ""


def read(page: str) -> _Reader:
    reader = _Reader()
    reader.feed(page)
    return reader


def columns(rows: list[list[str]], *places: int) -> list[tuple[str, ...]]:
    return [tuple(row[place] for place in places) for row in rows]


# ------------------------------------------------------------------------------------------------- it stands alone


def test_the_policy_allows_the_one_script_and_nothing_else(page: str) -> None:
    scripts = read(page).scripts
    assert len(scripts) == 1
    digest = base64.b64encode(hashlib.sha256(scripts[0].encode()).digest()).decode()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    assert f"script-src 'sha256-{digest}';" in policy.group(1)
    assert "default-src 'none'" in policy.group(1)
    assert "unsafe-eval" not in policy.group(1)
    assert "ast: true" in scripts[0] or "ast:true" in scripts[0]


def test_nothing_is_loaded(page: str) -> None:
    reader = read(page)
    own = page.replace(reader.scripts[0], "")
    assert re.findall(r"\b(?:src|srcset|action)=|<link|@import|url\(", own) == []
    assert [target for target in re.findall(r'href="([^"]*)"', own) if not target.startswith("#")] == []
    assert len(reader.specs) == own.count("<figure") > 10
    assert [spec["description"] for spec in reader.specs if '"url"' in json.dumps(spec)] == []


def test_the_same_run_gives_the_same_bytes(district: District, page_file: Path, tmp_path: Path) -> None:
    write_statistics(district.run_dir, tmp_path / "again.html", truth=district.path("truth"))
    assert (tmp_path / "again.html").read_bytes() == page_file.read_bytes()


def test_no_value_ends_the_script_it_stands_in() -> None:
    spec = {"data": {"values": [{"level": "</script><script>alert(1)</script>"}]}}
    reader = read(chart(spec, 'a "b" <c>'))
    assert reader.specs == [{**spec, "description": 'a "b" <c>'}]
    assert reader.scripts == []


@pytest.mark.skipif(CHROMIUM is None and os.environ.get("CI") != "true", reason="no Chromium on this machine")
def test_a_browser_draws_every_chart_without_a_word_on_its_console(page_file: Path, page: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [
            *(str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--v=0"),
            *(f"--user-data-dir={tmp_path}", "--host-resolver-rules=MAP * ~NOTFOUND", "--virtual-time-budget=8000"),
            *("--dump-dom", page_file.as_uri()),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert [line for line in done.stderr.splitlines() if "CONSOLE" in line] == []
    figures = re.findall(r"<figure.*?</figure>", done.stdout, re.DOTALL)
    assert len(figures) == page.count("<figure")
    assert [re.sub("<script.*", "", figure)[:80] for figure in figures if 'class="marks"' not in figure] == []


# ------------------------------------------------------------------------------------------ its figures are the run's


def test_statuses_and_sums_are_those_of_the_run(district: District, page: str) -> None:
    tables, decisions = read(page).tables, table(district.run_dir, "decisions")
    counts = Counter(row["status"] for row in decisions)
    assert columns(tables["outcome"][0], 0, 2)[1:-1] == [(status, f"{counts[status]:,}") for status in STATUSES]
    assert tables["outcome"][0][-1] == ["sum", "", f"{len(decisions):,}", "100.00%"]
    issues = Counter(row["issue"] for row in decisions)
    assert {row[0]: row[2] for row in tables["outcome"][1][1:-1]} == {i: f"{issues[i]:,}" for i in issues if i}
    assert tables["inputs"][0][1] == ["doses.parquet", f"{len(decisions):,}", f"{len(decisions):,}", "0", "yes"]


def test_a_sum_that_does_not_hold_is_told(district: District, tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    shutil.copytree(district.run_dir, run_dir)
    changed = manifest(run_dir)
    changed["inputs"][0]["rejected"] += 1
    (run_dir / "manifest.json").write_text(json.dumps(sealed(changed)), encoding="utf-8")
    write_statistics(run_dir, tmp_path / "out.html")
    rows = read((tmp_path / "out.html").read_text(encoding="utf-8")).tables["inputs"][0]
    assert [row[-1] for row in rows[1:]] == ["NO", "NO"]


def test_queues_passes_and_estimates_are_those_of_the_run(district: District, page: str) -> None:
    tables, found = read(page).tables, manifest(district.run_dir)
    review = table(district.run_dir, "queues/review")
    sizes = {row[0]: row[2] for row in tables["queues"][0][1:]}
    assert sizes["review"] == f"{len({row['claim_id'] for row in review}):,}"
    assert sizes["match"] == f"{len(table(district.run_dir, 'queues/match')):,}"
    blocks = [int(row[3].replace(",", "")) for row in tables["passes"][0][1:]]
    assert blocks == sorted((counts["largest_block"] for counts in found["passes"].values()), reverse=True)
    assert blocks[0] > 0
    shown_rates = [row[1] for row in tables["errors"][0][1:]]
    wanted = [found["matched_claims_false_match_rate"], *(estimate["rate"] for estimate in found["error_estimates"])]
    assert shown_rates[: len(wanted)] == [f"{1e4 * rate:,.2f}" for rate in wanted]


def test_accuracy_stands_only_where_a_truth_is_given(district: District, page: str, tmp_path: Path) -> None:
    measured = evaluate(district.run_dir, district.path("truth"))
    rows = {row[0]: row[1:] for row in read(page).tables["accuracy"][0]}
    recall = measured.recall
    assert recall.share is not None
    assert rows["recall: the right person decided"][0] == f"{recall.share:.3%}"
    assert rows["recall: the right person decided"][3:] == [f"{recall.count:,}", f"{recall.of:,}"]
    assert [int(row[-1].replace(",", "")) for row in read(page).tables["accuracy"][1][1:]] == [
        b.right.of for b in measured.calibration
    ]
    write_statistics(district.run_dir, tmp_path / "plain.html")
    plain = read((tmp_path / "plain.html").read_text(encoding="utf-8"))
    assert "accuracy" not in plain.tables
    assert len(plain.specs) == len(read(page).specs) - 1


def test_the_histograms_count_every_dose_with_a_candidate(district: District) -> None:
    found = statistics_of_run(district.run_dir)
    weights = [(row["status"], row["match_weight"]) for row in table(district.run_dir, "decisions")]
    expected = Counter(
        (status, math.floor(weight / BITS_PER_BAR) * BITS_PER_BAR) for status, weight in weights if weight is not None
    )
    assert {(bar.status, bar.start): bar.n_doses for bar in found.weights} == expected
    assert sum(bar.n_doses for bar in found.odds) == expected.total()
    threshold = manifest(district.run_dir)["match_threshold"]
    edge = math.log10(threshold / (1 - threshold))
    assert all(bar.end > edge for bar in found.odds if bar.status == "matched")


def test_a_lone_candidate_at_the_weight_of_the_line_has_the_threshold(district: District) -> None:
    found, run_manifest = statistics_of_run(district.run_dir), manifest(district.run_dir)
    p, n = found.model.parameters, run_manifest["index"]["persons"]
    assert found.lone_threshold is not None
    one = p.share_in_registry / n * 2**found.lone_threshold
    outside = (1 - p.numberless_u) / (1 - p.numberless_m)
    nobody = (1 - p.share_in_registry) * outside + p.share_in_registry * (1 - p.blocking_recall)
    assert one / (one + nobody) == pytest.approx(run_manifest["match_threshold"], abs=1e-12)


def test_the_charts_show_the_weights_of_the_model(district: District, page: str) -> None:
    model = Model.load(district.run_dir / "model.json")
    spec = next(s for s in read(page).specs if s["description"].startswith("match weight of every level"))
    rows = next(iter(spec["datasets"].values())) if "datasets" in spec else spec["data"]["values"]
    shown_bits = {(row["comparison"], row["level"]): row["bits"] for row in rows}
    for c in model.parameters.comparisons:
        for label, m, u in list(zip(c.labels, c.m, c.u, strict=True))[1:]:
            assert shown_bits[c.name, label] == pytest.approx(math.log2(m / u), abs=1e-12)


# ----------------------------------------------------------------------------------------------------------- groups


def groups_of(folder: Path, fields: Sequence[str] = ("birth_date", "sex", "ethnicity", "commune")) -> pa.Table:
    """The groups of five doses of four claims: verified, matched, matched (a dose of it in conflict), unmatched."""
    packed = [year << 9 | month << 5 | day for year, month, day in ((2021, 3, 14), (2021, 3, 15), (1946, 0, 0))]
    units = Units.load(write_small_country(folder))
    codes = pa.array(["25054", "01290", "25057", None])
    nothing = pa.nulls(4, pa.string())
    columns = {
        "birth_date": np.array([*packed, 0], np.uint32),
        "sex": np.array([1, 2, 2, 0], np.uint8),
        "ethnicity": np.array([1, 1, 54, 0], np.uint8),
        "commune": units.resolve_doses(codes, nothing, nothing, nothing, np.zeros(4, np.uint32)),
    }
    batch = Batch(4, {name: columns[name] for name in fields}, Dictionaries(units, "2025", date(2026, 3, 14)))
    decided = Decided(
        status=np.array([0, 1, 1, 3], np.uint8),
        best=Ranked.nobody((4,)),
        best_probabilities=np.array([1.0, 0.9, 0.75, 0.0]),
        ranked=Ranked.nobody((0, 5)),
        ranked_probabilities=np.zeros((0, 5)),
        place=np.full(4, NO_RIVALS, np.int32),
        none=np.array([0.0, 0.0, 0.25, 0.6]),
        unsearched=np.zeros(4),
        threshold=0.7,
        expected_false_match_rate=0.175,
    )
    of_dose = np.array([0, 1, 2, 2, 3], np.int32)
    plan = load_plan()
    plan = msgspec.structs.replace(plan, fields=[field for field in plan.fields if field.name in fields])
    return groups_table(of_dose, np.array([0, 1, 1, 2, 3], np.uint8), decided, batch, plan, date(2026, 3, 14))


def test_doses_are_counted_by_what_they_state(tmp_path: Path) -> None:
    rows = groups_of(tmp_path).to_pylist()
    counted = {(row["attribute"], row["value"], row["status"]): row["n_doses"] for row in rows}
    assert counted == {
        ("age", "5–11", "verified"): 1,  # five on the day itself
        ("age", "0–4", "matched"): 1,  # five tomorrow
        ("age", "80+", "matched"): 1,
        ("age", "80+", "review"): 1,
        ("age", None, "unmatched"): 1,
        ("sex", "Nam", "verified"): 1,
        ("sex", "Nữ", "matched"): 2,
        ("sex", "Nữ", "review"): 1,
        ("sex", None, "unmatched"): 1,
        ("ethnicity", "Kinh", "verified"): 1,
        ("ethnicity", "Kinh", "matched"): 1,
        ("ethnicity", "Ơ Đu", "matched"): 1,
        ("ethnicity", "Ơ Đu", "review"): 1,
        ("ethnicity", None, "unmatched"): 1,
        ("birthday", "Kinh, day known", "verified"): 1,
        ("birthday", "Kinh, day known", "matched"): 1,
        ("birthday", "minority, 1 January or no day", "matched"): 1,
        ("birthday", "minority, 1 January or no day", "review"): 1,
        ("birthday", None, "unmatched"): 1,
        ("province", "Tỉnh Lâm Đồng", "verified"): 1,
        ("province", "Tỉnh Cao Bằng", "matched"): 1,
        ("province", "Tỉnh Lâm Đồng", "matched"): 1,
        ("province", "Tỉnh Lâm Đồng", "review"): 1,
        ("province", None, "unmatched"): 1,
    }
    errors = {(row["status"], row["value"]): row["expected_errors"] for row in rows if row["attribute"] == "sex"}
    assert errors == pytest.approx(
        {("verified", "Nam"): 0.0, ("matched", "Nữ"): 0.1 + 0.25, ("review", "Nữ"): 0.0, ("unmatched", None): 0.4}
    )


def test_an_attribute_that_the_plan_lacks_has_no_rows(tmp_path: Path) -> None:
    assert set(groups_of(tmp_path, ("sex",)).column("attribute").to_pylist()) == {"sex"}
    assert groups_of(tmp_path, ()).equals(GROUPS.arrow().empty_table())


def test_the_published_groups_add_up_to_the_decisions(district: District) -> None:
    groups, decisions = table(district.run_dir, "groups"), table(district.run_dir, "decisions")
    counts = Counter(row["status"] for row in decisions)
    false = sum(1 - row["match_probability"] for row in decisions if row["status"] in ("verified", "matched"))
    missed = sum(1 - row["none_probability"] for row in decisions if row["status"] == "unmatched")
    for attribute in ("age", "sex", "ethnicity", "birthday", "province"):
        of_it = [row for row in groups if row["attribute"] == attribute]
        by_status: Counter[str] = Counter()
        for row in of_it:
            by_status[row["status"]] += row["n_doses"]
        assert by_status == counts
        assert len({row["value"] for row in of_it}) > 1
        expected = sum(row["expected_errors"] for row in of_it if row["status"] != "unmatched")
        assert expected == pytest.approx(false, abs=1e-6)
        assert sum(row["expected_errors"] for row in of_it if row["status"] == "unmatched") == pytest.approx(missed)


def test_counts_under_five_are_hidden_and_the_others_rounded() -> None:
    assert [shown(n) for n in (0, 1, 4, 5, 7, 8, 1002, 1003)] == ["0", "<5", "<5", "5", "5", "10", "1,000", "1,005"]
    assert all(abs(rounded(n) - n) <= 2 for n in range(5, 200))


def test_the_page_shows_no_small_count_of_a_group(page: str) -> None:
    # Beside the counts there may be a table of the groups that fare worse, with shares alone.
    counted = [rows for rows in read(page).tables["groups"] if rows[0][1] == "doses"]
    cells = [cell for rows in counted for row in rows[1:] for cell in (row[1], row[2], row[4], row[5])]
    assert "<5" in cells
    assert {int(cell.replace(",", "")) % 5 for cell in cells if cell != "<5"} == {0}
    specs = [spec for spec in read(page).specs if spec["description"].startswith("share of the doses")]
    assert len(specs) == 5
    assert [spec["description"] for spec in specs if "n_doses" in json.dumps(spec)] == []


# --------------------------------------------------------------------------------------------------------- examples


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Trần Thị Lê", "T. T. L."),
        (unicodedata.normalize("NFD", "Đặng Ý"), "Đ. Ý"),
        ("Ngu?n V*n B", "N. V. B"),
        ("0912345678", "••••••••78"),
        ("12/03/1987", "••/••/••87"),
        ("1987-03-12", "••••-••-12"),
        ("079087001234 / 271234567", "••••••••••34 / •••••••67"),
        ("DN4797", "D.••97"),
        ("7", "7"),
        ("", ""),
    ],
)
def test_masks(text: str, masked: str) -> None:
    assert mask(text) == masked


@given(st.text(alphabet="ab áÂđ0123456789/-?.'\u0323", max_size=40))
def test_a_mask_leaves_no_word_and_no_number(text: str) -> None:
    for part in mask(text).split(" / "):
        assert sum(character.isdigit() for character in part) <= 2
        assert not re.search(r"[^\W\d_]\S*[^\W\d_]", re.sub(r"[\d•]", " ", part))


def personal_values(district: District) -> set[str]:
    names = ("full_name", "id_number", "old_id_number", "phone", "insurance_number", "date_of_birth")
    rows = [*rows_of(district.path("doses")), *rows_of(district.path("registry"))]
    return {row[name] for row in rows for name in names if row.get(name) and len(row[name]) >= 8}


def found_in(text: str, values: set[str]) -> list[str]:
    """Values of eight characters or more that stand in a text; few are left to search once their beginnings are known.
    The digits of a decimal fraction are a figure, and can be anybody's number by accident."""
    text = re.sub(r"(?<=\d)\.\d+", "", text)
    beginnings = {text[start : start + 8] for start in range(len(text))}
    return [value for value in values if value[:8] in beginnings and value in text]


def test_no_personal_value_stands_in_the_page(district: District, page: str, tmp_path: Path) -> None:
    texts = page.replace(read(page).scripts[0], "")
    values = personal_values(district)
    assert len(values) > 10_000
    assert found_in(texts, values) == []
    write_statistics(district.run_dir, tmp_path / "open.html", unmask=True)
    opened = (tmp_path / "open.html").read_text(encoding="utf-8")
    opened = opened.replace(read(opened).scripts[0], "")
    assert len(found_in(opened, values)) > 10
    assert "this file is personal data" in opened
    assert "this file is personal data" not in texts


def test_the_pairs_are_those_nearest_to_the_threshold_and_the_strongest(district: District) -> None:
    model, threshold = Model.load(district.run_dir / "model.json"), manifest(district.run_dir)["match_threshold"]
    chosen = list(chosen_doses(district.run_dir, model.plan, threshold).values())
    decisions = {row["dose_id"]: row for row in table(district.run_dir, "decisions")}
    matched = [row for row in decisions.values() if row["status"] == "matched"]
    under = [
        row["match_probability"]
        for row in decisions.values()
        if row["status"] == "review" and row["match_probability"] < threshold and not row["conflicts"]
    ]
    assert decisions[chosen[0]]["match_probability"] == min(row["match_probability"] for row in matched)
    assert decisions[chosen[1]]["match_probability"] == max(under)
    assert decisions[chosen[2]]["match_weight"] == max(row["match_weight"] for row in matched)
    assert {"full_name", "date_of_birth"} <= set(decisions[chosen[3]]["wrong_fields"])
    assert len(set(chosen)) == 4


def test_the_steps_of_a_waterfall_sum_to_the_published_weight(district: District) -> None:
    model, threshold = Model.load(district.run_dir / "model.json"), manifest(district.run_dir)["match_threshold"]
    examples = examples_of_run(district.run_dir, model.plan, threshold)
    published = {row["dose_id"]: row for row in table(district.run_dir, "decisions")}
    assert (len(examples.pairs), examples.hindrance) == (4, "")
    for pair in examples.pairs:
        assert sum(step.bits for step in pair.steps) == pytest.approx(published[pair.dose_id]["match_weight"], abs=1e-9)
        assert pair.probability == pytest.approx(published[pair.dose_id]["match_probability"], abs=1e-9)


def test_of_an_older_run_the_page_says_why_there_are_no_pairs(district: District, tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    shutil.copytree(district.run_dir, run_dir)
    moved = manifest(run_dir)
    for name in ("groups.parquet", "doses.arrow", "sums"):
        del moved["outputs"][name]
    (run_dir / "manifest.json").write_text(json.dumps(sealed(moved)), encoding="utf-8")
    (run_dir / "groups.parquet").unlink()
    write_statistics(run_dir, tmp_path / "out.html")
    page = (tmp_path / "out.html").read_text(encoding="utf-8")
    assert "Pairs cannot be shown: run: was published without its doses" in page
    assert "published without these counts" in page
    assert read(page).tables["examples"] == read(page).tables["groups"] == []


# ------------------------------------------------------------------------------------------------- little and wrong


def test_one_dose_of_nobody_from_a_file_with_a_bad_name(district: District, tmp_path: Path) -> None:
    source = tmp_path / "<b>&1.csv"
    source.write_text("dose_id,full_name\nD1,\n", encoding="utf-8")
    run_dir = district.link([source], tmp_path / "runs", model_file=district.run_dir / "model.json")
    write_statistics(run_dir, tmp_path / "out.html")
    page = (tmp_path / "out.html").read_text(encoding="utf-8")
    assert ">&lt;b&gt;&amp;1.csv</td>" in page
    assert "No dose of this run has a candidate." in page
    assert "No dose of this run was matched or sent to review." in page
    assert re.findall(r"\b(?:nan|inf)\b", page.replace(read(page).scripts[0], ""), re.IGNORECASE) == []


def test_the_command_writes_the_page(district: District, page_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.html"
    done = call("report", district.run_dir, "--form", "statistics", "--out", out, "--truth", district.path("truth"))
    assert done.code == 0
    assert out.read_bytes() == page_file.read_bytes()


def test_what_does_not_fit_is_refused(district: District, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(UsageError, match="--format csv: --form statistics is written as html only"):
        write_form(district.run_dir, "statistics", "csv", out)
    with pytest.raises(UsageError, match="--truth: belongs to --form statistics"):
        write_form(district.run_dir, "daily", None, out, truth=out)
    with pytest.raises(UsageError, match="--unmask: belongs to --form statistics"):
        write_form(district.run_dir, "daily", None, out, unmask=True)
    with pytest.raises(UsageError, match="no published run"):
        write_form(tmp_path, "statistics", None, out)
    with pytest.raises(UsageError, match="or statistics for charts"):
        write_form(district.run_dir, "no-such-form", None, out)
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_lacks_something_is_named(district: District, tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    shutil.copytree(district.run_dir, run_dir)
    old = manifest(run_dir)
    del old["passes"]
    (run_dir / "manifest.json").write_text(json.dumps(sealed(old)), encoding="utf-8")
    with pytest.raises(VerificationError, match="passes is missing; restore the run from a copy, or link again"):
        write_statistics(run_dir, tmp_path / "out")
    (run_dir / "manifest.json").write_text(json.dumps(manifest(district.run_dir)), encoding="utf-8")
    (run_dir / "decisions.parquet").write_bytes(b"PAR1")
    with pytest.raises(VerificationError, match=r"decisions\.parquet"):
        write_statistics(run_dir, tmp_path / "out")
    assert not (tmp_path / "out").exists()
