"""Write a simulated registry, its doses and the truth."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from linkage.errors import UsageError
from linkage.schema import TRUTH
from linkage.simulate import doses as dose_model
from linkage.simulate import households, population, wording
from linkage.simulate.claims import Source, Start, faithful_claims, registry_births
from linkage.simulate.country import synthetic_country
from linkage.simulate.dose_table import Wordings, dose_tile
from linkage.simulate.errors import ErrorKind, error_table, make_errors
from linkage.simulate.folder import ASSUMPTIONS, TABLES, UNITS, simulation_folder
from linkage.simulate.foreigners import add_foreign_words
from linkage.simulate.issued import Issued
from linkage.simulate.names import NameModel, load_names
from linkage.simulate.places import place_tables
from linkage.simulate.randomness import Chance, Ints
from linkage.simulate.regions import REGION_PERSONS, Region, divide
from linkage.simulate.registry_table import person_ids, person_texts, registry_codes, registry_tile
from linkage.simulate.shocks import Shock, chosen_shocks
from linkage.simulate.slips import Slips, build_slips
from linkage.simulate.summary import SimulationSummary, Tally, write_assumptions
from linkage.simulate.units import Communes, bao_lam, read_units, write_units

TILE_ROWS = 200_000
AREAS = ("country", "bao-lam")
REGISTRY_DATES = ("2021", "2025")
NO_SHOCKS: Mapping[str, Shock] = MappingProxyType({})


@dataclass(frozen=True)
class Country:
    """What all regions share."""

    communes: Communes
    names: NameModel
    slips: Slips
    issued: Issued | None  # None: the simulation is drawn whole


@dataclass(frozen=True)
class Texts:
    """Tables of text, made once for all tiles."""

    doses: Wordings
    registry_codes: wording.Texts


@dataclass(frozen=True)
class Files:
    """The three tables, open while one region after the other is written."""

    registry: pq.ParquetWriter
    doses: pq.ParquetWriter
    truth: pq.ParquetWriter


def simulate(
    persons: int,
    doses: int,
    seed: int,
    out: Path,
    *,
    units: Path | None = None,
    registry_date: str = "2021",
    area: str = "country",
    error_shares: Path | None = None,
    split: str = "default",
    shocks: Sequence[str] = (),
    region_persons: int = REGION_PERSONS,
    on_progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
) -> SimulationSummary:
    """Simulate a registry and doses; the same arguments give the same bytes.

    Parameters
    ----------
    persons : rows of the registry
    doses : rows of the doses
    seed : not negative
    out : folder for registry.parquet, doses.parquet, truth.parquet, assumptions.json and units/
    units : folder with the official lists of units to live in; without it communes are invented
    registry_date : "2021" or "2025", whose commune codes the registry carries; people and doses do not depend on it
    area : "country", or "bao-lam" for the 14 communes of that district
    error_shares : CSV (kind,share) or TOML file with other shares than the table of errors has
    split : how the errors spread over the fields, one of ``errors.SPLITS``
    shocks : names of ``shocks.SHOCKS``, in any order
    region_persons : most people drawn at once. A larger simulation is drawn in regions, neighbouring districts of about
        so many people, one after the other; its communes have exactly the published sizes

    Raises
    ------
    UsageError
        An argument is impossible, or the folder holds such files that no simulation made.
    InputError
        ``units`` or ``error_shares`` cannot be used.
    """
    started = time.perf_counter()
    check_arguments(persons, doses, seed, registry_date, area, units)
    table = error_table(split, error_shares)
    acting = chosen_shocks(shocks)
    in_regions = persons > region_persons
    _check_shocks(acting, in_regions, region_persons)
    chance = Chance(seed)
    communes = draw_communes(persons, chance, units, area, published=in_regions, shocks=acting)
    country = make_country(communes, Issued(chance) if in_regions else None)
    texts, tally = make_texts(country, registry_date), Tally()
    regions = divide(country.communes, persons, doses, region_persons)
    with simulation_folder(out) as work:
        with _opened(work) as files:
            on_progress("simulate", 0, 0)
            for done, region in enumerate(regions, start=1):
                _write_region(seed, country, region, texts, files, table, acting, tally)
                on_progress("simulate", done, len(regions))
        write_units(country.communes, work / UNITS)
        summary = tally.summary(len(country.communes), len(regions), time.perf_counter() - started)
        write_assumptions(work / ASSUMPTIONS, summary, table, tally.changed, split, seed, area, registry_date, acting)
    return summary


def _write_region(
    seed: int,
    country: Country,
    region: Region,
    texts: Texts,
    files: Files,
    table: tuple[ErrorKind, ...],
    shocks: Mapping[str, Shock],
    tally: Tally,
) -> None:
    """Draw and write one region, and count it; the next starts where it ends."""
    source = draw_source(seed, country, region, tally.start, shocks)
    known = _as_registered(source, shocks)
    numbers = _write_registry(known, files.registry, texts)
    changed = _write_doses(source, files, texts.doses, numbers, table, shocks)
    tally.add(source, known, numbers, changed)


def check_arguments(persons: int, doses: int, seed: int, registry_date: str, area: str, units: Path | None) -> None:
    """UsageError where a world of these arguments of ``simulate`` cannot be."""
    for name, value, least in (("persons", persons, 100), ("doses", doses, 1), ("seed", seed, 0)):
        if value < least:
            raise UsageError(f"{name} {value}: too small; give {least} or more")
    if registry_date not in REGISTRY_DATES:
        raise UsageError(f"registry date {registry_date}: not known; choose from {', '.join(REGISTRY_DATES)}")
    if area not in AREAS:
        raise UsageError(f"area {area}: not known; choose from {', '.join(AREAS)}")
    if area == "bao-lam" and units is not None:
        raise UsageError("area bao-lam has units of its own; leave units out or choose area country")


def _check_shocks(shocks: Mapping[str, Shock], in_regions: bool, region_persons: int) -> None:
    for name, shock in shocks.items():
        if shock.whole_only and in_regions:
            raise UsageError(f"shock {name}: cannot be drawn region by region; give {region_persons} persons at most")


def draw_communes(
    persons: int,
    chance: Chance,
    units: Path | None,
    area: str,
    *,
    published: bool = False,
    shocks: Mapping[str, Shock] = NO_SHOCKS,
) -> Communes:
    """Where the people live; ``published``: the communes have exactly the published sizes."""
    if area == "bao-lam":
        communes = bao_lam()
    elif units is None:
        provinces = [code for shock in shocks.values() for code in shock.provinces]
        communes = synthetic_country(persons, chance, published=published, provinces=provinces)
    else:
        communes = read_units(units, persons, chance, published=published)
    for shock in shocks.values():
        communes = shock.country(communes) if shock.country else communes
    return communes


def make_country(communes: Communes, issued: Issued | None = None) -> Country:
    """Names and their misspellings for the people of the communes."""
    names = load_names()
    add_foreign_words(names.vocabulary)
    return Country(communes, names, build_slips(names.vocabulary), issued)


def make_texts(country: Country, registry_date: str) -> Texts:
    """The tables of text of a country; ``registry_date`` as of ``simulate``."""
    communes = country.communes
    wordings = Wordings(
        wording.spaced(country.slips.words), place_tables(communes), pa.array(communes.codes, pa.string())
    )
    return Texts(wordings, registry_codes(communes, registry_date))


def draw_source(
    seed: int, country: Country, region: Region, start: Start, shocks: Mapping[str, Shock] = NO_SHOCKS
) -> Source:
    """People and doses of a region and all that claims are drawn from.

    Raises
    ------
    UsageError
        There are too many doses for the people, or too many people for the numbers they hold.
    """
    chance = Chance(seed, region.number)
    n_foreign = round(dose_model.FOREIGN_SHARE * min(region.doses / dose_model.DOSES_PER_SUBJECT, region.persons))
    missing = {name: round(shock.missing_share * region.persons) for name, shock in shocks.items()}
    twin_shares = [shock.twin_share for shock in shocks.values() if shock.twin_share is not None]
    people = population.draw_population(
        chance,
        country.communes,
        country.names,
        region.persons + sum(missing.values()),
        round(population.OUTSIDE_SHARE * region.persons),
        n_foreign,
        home_weights=region.weights,
        issued=country.issued,
        twin_share=max(twin_shares, default=households.TWIN_SHARE),
    )
    for name, shock in shocks.items():
        people = shock.people(chance, people, missing[name]) if shock.people else people
    doses = dose_model.draw_doses(chance, people, country.communes, region.doses)
    for shock in shocks.values():
        doses = shock.doses(doses) if shock.doses else doses
    return Source(
        population=people,
        doses=doses,
        communes=country.communes,
        slips=country.slips,
        chance=chance,
        peoples=["Kinh", *(one.name for one in country.names.peoples)],
        births=registry_births(people),
        start=start,
    )


def _as_registered(source: Source, shocks: Mapping[str, Shock]) -> Source:
    """The people as the registry knows them."""
    for shock in shocks.values():
        if shock.registry:
            people = shock.registry(source)
            source = replace(source, population=people, births=registry_births(people))
    return source


def tiles(n: int) -> Iterator[tuple[int, int]]:
    """First and last rows, to be made at once, of ``n``."""
    for first in range(0, n, TILE_ROWS):
        yield first, min(first + TILE_ROWS, n)


def table_writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    """A Parquet file to be written, whose bytes depend on the rows alone."""
    return pq.ParquetWriter(path, schema, compression="zstd", compression_level=1, write_page_checksum=True)


@contextmanager
def _opened(folder: Path) -> Iterator[Files]:
    with ExitStack() as stack:
        paths = {name: folder / f"{name}.parquet" for name in TABLES}
        yield Files(
            **{name: stack.enter_context(table_writer(paths[name], table.arrow())) for name, table in TABLES.items()}
        )


def _write_registry(source: Source, writer: pq.ParquetWriter, texts: Texts) -> Ints:
    """Write the people of a region in random order; returns the number of each person, from 1, -1 outside."""
    order = source.chance.stream("registry order").permutation(np.flatnonzero(source.population.registered))
    numbers = person_ids(source, order)
    for first, last in tiles(len(order)):
        writer.write_table(registry_tile(source, order[first:last], numbers, texts.doses.words, texts.registry_codes))
    return numbers


def _write_doses(
    source: Source,
    files: Files,
    texts: Wordings,
    numbers: Ints,
    table: tuple[ErrorKind, ...],
    shocks: Mapping[str, Shock],
) -> Counter[str]:
    """Write doses and truth of a region; returns how many doses each kind of error changed."""
    changed: Counter[str] = Counter()
    for first, last in tiles(len(source.doses)):
        rows = np.arange(first, last)
        claims = faithful_claims(source, rows)
        changed.update(make_errors(claims, table))
        for shock in shocks.values():
            if shock.claims:
                shock.claims(claims, first)
        tile = dose_tile(claims, source.doses, rows, texts)
        for shock in shocks.values():
            tile = shock.rows(tile, claims, first) if shock.rows else tile
        files.doses.write_table(tile)
        persons = person_texts(numbers[claims.persons])
        files.truth.write_table(pa.table({"dose_id": tile["dose_id"], "person_id": persons}, schema=TRUTH.arrow()))
    return changed
