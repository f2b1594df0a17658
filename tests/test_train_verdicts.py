"""Training with reviewers' verdicts: the EM takes them as they are."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from linkage.errors import InputError
from linkage.night.train import train_model
from linkage.training.model_file import Model
from tests.district import District, call, make_district, table


@pytest.fixture(scope="module")
def district(tmp_path_factory: pytest.TempPathFactory) -> District:
    return make_district(tmp_path_factory.mktemp("verdicts"))


def trained(district: District, rows: list[dict[str, str | None]] | None, folder) -> Model:
    path = None
    if rows is not None:
        path = folder / "verdicts.parquet"
        pq.write_table(
            pa.Table.from_pylist(rows, pa.schema([("dose_id", pa.string()), ("person_id", pa.string())])), path
        )
    return train_model([district.path("doses")], district.index, verdicts=path)


def open_doses(district: District) -> list[dict[str, str | None]]:
    """The truth of the doses that are neither verified nor excluded."""
    truth = {row["dose_id"]: row for row in district.rows("truth")}
    decisions = table(district.run_dir, "decisions")
    return [truth[d["dose_id"]] for d in decisions if d["status"] in ("matched", "review", "unmatched")]


def test_true_verdicts_agree_with_what_training_finds_by_itself(district, tmp_path):
    by_itself = trained(district, None, tmp_path).parameters
    told = trained(district, open_doses(district), tmp_path).parameters
    assert told.share_in_registry == pytest.approx(by_itself.share_in_registry, abs=0.02)
    for a, b in zip(told.comparisons, by_itself.comparisons, strict=True):
        assert a.m == pytest.approx(b.m, abs=0.03)


def test_verdicts_outweigh_the_evidence(district, tmp_path):
    """Told that nobody else is in the registry, training believes it, however well the records agree: who is there is
    whom exact agreement settled."""
    nobody = [{**row, "person_id": None} for row in open_doses(district)]
    claims = {
        c["compared_as"] or c["claim_id"]: c["status"]
        for c in table(district.run_dir, "claims")
        if c["status"] != "excluded"
    }
    settled = list(claims.values()).count("verified") / len(claims)
    assert trained(district, nobody, tmp_path).parameters.share_in_registry == pytest.approx(settled, abs=0.01)


def test_differing_verdicts_on_one_claim_are_left_out(district, tmp_path):
    rows = open_doses(district)
    claim = {d["dose_id"]: d["claim_id"] for d in table(district.run_dir, "decisions")}
    seen: set[str] = set()
    first_only = [row for row in rows if not (claim[row["dose_id"]] in seen or seen.add(claim[row["dose_id"]]))]
    twice = [row for row in rows if row not in first_only and row["person_id"]]
    assert twice
    split = [{**row, "person_id": None} for row in first_only] + twice
    kept = [
        {**row, "person_id": None}
        for row in first_only
        if claim[row["dose_id"]] not in {claim[r["dose_id"]] for r in twice}
    ]
    a, b = (trained(district, r, tmp_path).to_dict()["comparisons"] for r in (split, kept))
    assert a == b


@pytest.mark.parametrize("row", [{"dose_id": "D?", "person_id": None}, {"dose_id": None, "person_id": "P?"}])
def test_a_verdict_on_what_is_not_there_is_refused(district, tmp_path, row):
    known = open_doses(district)[0]
    with pytest.raises(InputError, match=r"record 1: unknown_(dose|person)"):
        trained(district, [{**known, **{k: v for k, v in row.items() if v}}], tmp_path)


def test_the_command_takes_verdicts(district, tmp_path):
    verdicts = tmp_path / "verdicts.csv"
    row = next(row for row in open_doses(district) if row["person_id"])
    verdicts.write_text(f"dose_id,person_id\n{row['dose_id']},{row['person_id']}\n")
    options = ["--doses", district.path("doses"), "--index", district.index, "--verdicts", verdicts]
    result = call("train", *options, "--out", tmp_path / "model.json", "--json")
    assert json.loads(result.out)["converged"]


def verdict_file(folder, rows):
    path = folder / "verdicts.csv"
    names = ["claim_id", "dose_id", "verdict", "person_id", "unit", "decided_by", "decided_at", "note"]
    lines = [",".join(row.get(name) or "" for name in names) for row in rows]
    path.write_text("\n".join([",".join(names), *lines]) + "\n", "utf-8")
    return path


def test_verdicts_name_a_claim_or_a_dose_and_say_it_in_words(district, tmp_path):
    """The same verdicts by claim and in words as by dose and by person alone."""
    plain = open_doses(district)
    claim = {d["dose_id"]: d["claim_id"] for d in table(district.run_dir, "decisions")}
    in_words = []
    for place, row in enumerate(plain):
        named = {"claim_id": claim[row["dose_id"]]} if place % 2 else {"dose_id": row["dose_id"]}
        word = "person" if row["person_id"] else ("nobody", "foreigner", "Nobody ")[place % 3]
        in_words.append({**named, "verdict": word, "person_id": row["person_id"], "unit": "00001"})
    told = train_model([district.path("doses")], district.index, verdicts=verdict_file(tmp_path, in_words))
    assert told.to_dict() == trained(district, plain, tmp_path).to_dict()


def test_what_is_to_be_checked_teaches_nothing(district, tmp_path):
    rows = [
        {
            "dose_id": row["dose_id"],
            "verdict": ("field_check", "registry_wrong")[place % 2],
            "person_id": row["person_id"],
        }
        for place, row in enumerate(open_doses(district))
    ]
    told = train_model([district.path("doses")], district.index, verdicts=verdict_file(tmp_path, rows))
    assert told.to_dict() == trained(district, None, tmp_path).to_dict()


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"verdict": "nobody"}, "record 1: no_claim"),
        ({"claim_id": "c1-00", "verdict": "nobody"}, "record 1: unknown_claim"),
        ({"dose_id": "D000000004", "verdict": "maybe"}, "record 1: unknown_verdict"),
        ({"dose_id": "D000000004", "verdict": "person"}, "record 1: no_person"),
    ],
)
def test_a_verdict_that_says_nothing_is_refused(district, tmp_path, row, message):
    with pytest.raises(InputError, match=message):
        train_model([district.path("doses")], district.index, verdicts=verdict_file(tmp_path, [row]))
