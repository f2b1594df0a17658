"""Every kind of error alone: it changes what it should, as often as it says, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pyarrow as pa
import pytest

from linkage.simulate.claims import Source, Start, faithful_claims
from linkage.simulate.dose_table import SIMULATED, Wordings, dose_tile
from linkage.simulate.errors import GROUPS, TABLE, ErrorKind, error_table, make_errors
from linkage.simulate.places import place_tables
from linkage.simulate.regions import Region
from linkage.simulate.simulation import draw_source, make_country
from linkage.simulate.units import bao_lam
from linkage.simulate.wording import spaced
from tests.test_simulate import plain_name, same_birth, same_name, usable_id

N = 3000
# The columns a kind may touch, by its field.
COLUMNS = {
    "id": {"id_number", "phone"},
    "name": {"full_name"},
    "name_tone": {"full_name"},
    "name_apostrophe": {"full_name"},
    "name_form": {"full_name"},
    "birth": {"date_of_birth"},
    "sex": {"gender"},
    "phone": {"phone"},
    "place": {"commune_code", "province", "district", "commune"},
    "place_code": {"commune_code"},
    "place_names": {"province", "district", "commune"},
    "ethnicity": {"ethnicity"},
    "insurance": {"insurance_number"},
    "dose_number": {"dose_number"},
}


@pytest.fixture(scope="module")
def source() -> Source:
    communes = bao_lam()
    region = Region(0, communes.weights, persons=2500, doses=N)
    return draw_source(11, make_country(communes), region, Start())


@pytest.fixture(scope="module")
def faithful(source: Source) -> pa.Table:
    return typed(source, ())[0]


def typed(source: Source, table: tuple[ErrorKind, ...], last: int = N) -> tuple[pa.Table, dict[str, int]]:
    claims = faithful_claims(source, np.arange(last))
    changed = make_errors(claims, table)
    codes = pa.array(source.communes.codes, pa.string())
    texts = Wordings(spaced(source.slips.words), place_tables(source.communes), codes)
    return dose_tile(claims, source.doses, np.arange(last), texts), changed


def always(kind: ErrorKind) -> tuple[ErrorKind, ...]:
    return (replace(kind, share=1.0),)


Damaged = Callable[[ErrorKind], tuple[pa.Table, dict[str, int]]]


@pytest.fixture(scope="module")
def damaged_by(source: Source) -> Damaged:
    """Doses all of which have an error of one kind, made once."""
    return cache(lambda kind: typed(source, always(kind)))


@pytest.mark.parametrize("kind", TABLE, ids=lambda kind: kind.kind)
def test_a_kind_touches_its_columns_alone(kind: ErrorKind, damaged_by: Damaged, faithful: pa.Table) -> None:
    damaged, changed = damaged_by(kind)
    touched = {name for name in SIMULATED.names if damaged[name] != faithful[name]}
    assert touched <= COLUMNS[kind.field]
    assert touched
    column = {"name": "full_name", "id": "id_number", "birth": "date_of_birth"}.get(kind.field)
    if column:
        differing = sum(a != b for a, b in zip(damaged[column].to_pylist(), faithful[column].to_pylist(), strict=True))
        assert changed[kind.kind] == pytest.approx(differing, abs=0.02 * N)


@pytest.mark.parametrize(
    "kind", [kind for kind in TABLE if kind.field.startswith(("id", "name", "birth"))], ids=lambda kind: kind.kind
)
def test_a_kind_has_the_effect_the_table_says(
    kind: ErrorKind, source: Source, damaged_by: Damaged, faithful: pa.Table
) -> None:
    damaged, changed = damaged_by(kind)
    # Foreigners have neither IDs of this form nor names that can go wrong in these ways.
    natives = source.population.countries[source.doses.persons] == 0
    before, after = (pa.Table.filter(table, pa.array(natives)).to_pylist() for table in (faithful, damaged))
    n_wrong = n_unusable = 0
    for true, wrong in zip(before, after, strict=True):
        known = {**true, "date_of_birth": _iso(true["date_of_birth"])}
        n_unusable += usable_id(wrong["id_number"]) is None
        agrees = (
            same_name(wrong, known)
            and same_birth(wrong, known)
            and usable_id(wrong["id_number"]) in (None, true["id_number"])
        )
        n_wrong += not agrees
    expected = changed[kind.kind]
    assert expected > 0
    if kind.effect == "format":
        assert (n_wrong, n_unusable) == (0, 0)
    elif kind.effect == "unusable":
        # An old number with a digit too many or too few may pass for another number that lost its zero.
        assert n_wrong + n_unusable == pytest.approx(expected, abs=0.02 * N)
        assert n_unusable > 0.6 * expected
    else:
        assert n_wrong + n_unusable == pytest.approx(expected, abs=0.03 * N)


def _iso(text: str) -> str:
    """The dates of the faithful claims in the registry's form."""
    from tests.test_simulate import iso_birth

    return iso_birth(text)


def test_shares_come_out(source: Source) -> None:
    table = error_table()
    claims = faithful_claims(source, np.arange(N))
    rows = np.arange(N)
    group_sizes = {kind.kind: int(GROUPS[kind.among](claims, rows).sum()) for kind in table}
    changed = make_errors(claims, table)
    for kind in table:
        if kind.kind in (
            "sex_wrong",
            "phone_missing",
            "name_upper",
            "id_missing",
            "ethnicity_missing",
            "commune_current",
        ):
            expected = kind.share * group_sizes[kind.kind]
            assert changed[kind.kind] == pytest.approx(expected, abs=5 * np.sqrt(expected) + 1), kind.kind


def test_errors_do_not_depend_on_the_tiles(source: Source) -> None:
    whole, _ = typed(source, error_table())
    part, _ = typed(source, error_table(), last=N // 3)
    assert whole.slice(0, N // 3).to_pylist() == part.to_pylist()


def test_a_parents_id_comes_with_the_parents_phone(source: Source) -> None:
    kind = next(kind for kind in TABLE if kind.kind == "id_of_parent")
    claims = faithful_claims(source, np.arange(N))
    before = claims.ids.copy()
    make_errors(claims, always(kind))
    rows = np.flatnonzero(claims.ids != before)
    people = source.population
    parents = np.stack([people.mothers[claims.persons[rows]], people.fathers[claims.persons[rows]]])
    owns = (people.id_numbers[parents] == claims.ids[rows]) | (people.old_ids[parents] == claims.ids[rows])
    assert owns.any(axis=0).all()
    assert ((people.phones[parents] == claims.phones[rows]) & owns).any(axis=0).all()
    assert len(rows) > 0.03 * N


def test_every_form_of_an_apostrophe_reads_as_the_same_name(damaged_by: Damaged, faithful: pa.Table) -> None:
    kind = next(kind for kind in TABLE if kind.kind == "name_apostrophe")
    damaged, _ = damaged_by(kind)
    names = [
        (new, old)
        for new, old in zip(damaged["full_name"].to_pylist(), faithful["full_name"].to_pylist(), strict=True)
        if old.startswith(("K' ", "H' "))
    ]
    assert len({new[1:2] for new, _ in names} & {"'", "’", "."}) == 3
    assert all(plain_name(new) == plain_name(old) for new, old in names)
