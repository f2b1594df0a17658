"""What ``night.toml`` says: where index, state and nights lie, which files a night reads, and when it stops."""

from __future__ import annotations

import datetime
import glob
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated
from urllib.parse import unquote

import msgspec
from msgspec import Meta

from linkage.errors import UsageError
from linkage.storage.edited_files import read_toml
from linkage.storage.typed_content import shaped

FORMAT = 1
_REMEDY = "see 'Nights' in docs/operation.md"
DATE = "{date}"  # in patterns and queries
# As libpq reads it, which ends the user at the first @ before a /. No password may pass for another part of it, so
# ports are numbers, and what has a meaning in a URL is percent-encoded elsewhere.
_HOST = r"(\[[0-9a-fA-F:.%]+\]|[^][\s:@/?#,]*)(:[0-9]*)?"
_URL = re.compile(rf"postgres(ql)?://([^\s:@/?#]*@)?{_HOST}(,{_HOST})*(/[^\s@/?#]*)?(\?(?P<parameters>[^\s@#]*))?")
_SECRETS = ("password", "secret", "scram")  # in names of parameters
Share = Annotated[float, Meta(ge=0, le=1)]


class Sources(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Patterns of paths, relative to the file, by what the files hold; {date} is the night's."""

    doses: tuple[str, ...] = ()
    withdrawals: tuple[str, ...] = ()
    registry_changes: tuple[str, ...] = ()
    verdicts: tuple[str, ...] = ()


class PostgreSQL(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A database that a night reads, see linkage.nights.fetching: a query for each kind of source. into: the folder of
    its files; {date} is the night's, in queries too."""

    url: str
    into: str = "in/{date}/postgresql"
    doses: str | None = None
    withdrawals: str | None = None
    registry_changes: str | None = None
    verdicts: str | None = None

    def queries(self, date: datetime.date) -> dict[str, str]:
        """The queries of a night, by kind."""
        asked = {name: getattr(self, name) for name in Sources.__struct_fields__}
        return {name: query.replace(DATE, date.isoformat()) for name, query in asked.items() if query is not None}

    @property
    def shown(self) -> str:
        """The URL without its parameters, for whoever reads notes, errors and files."""
        return self.url.partition("?")[0]


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The night stops before it is published where one is passed, see linkage.nights.gates."""

    rejected_share: Share = 0.05
    expected_false_match_rate: Share = 2e-4
    lowest_link_rate: Share = 0.0
    link_rate_fall: Share = 0.1
    highest_review_share: Share = 1.0
    review_share_rise: Share = 0.1
    pattern_drift: Share = 0.1
    facility_change: Share = 0.01
    commune_change: Share = 0.01
    facility_surge: Share = 0.01


class Retention(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many nights can be taken back and keep their folders; None for all. What is in force and the history of
    doses stay."""

    nights: Annotated[int, Meta(ge=1)] | None = None


class AdoptionLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Within which a model that is adopted comes into force at once, see linkage.nights.adoption_report."""

    changed_share: Share
    other_person_share: Share
    lost_share: Share


class Place(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file, relative to the configuration; None for none."""

    file: str | None = None


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: int
    index: str
    state: str
    nights: str
    model: str
    sources: Sources
    postgresql: PostgreSQL | None = None
    gates: Limits = Limits()
    retention: Retention = Retention()
    adoption: AdoptionLimits | None = None
    log: Place = Place()
    metrics: Place = Place()
    columns: dict[str, str] = {}


class Configuration(msgspec.Struct, frozen=True):
    """What the file says, with paths that hold wherever the program was started; columns: names of this program by
    those of the files."""

    file: Path
    index: Path
    state: Path
    nights: Path
    model: Path
    sources: Sources
    postgresql: PostgreSQL | None
    gates: Limits
    retention: Retention
    adoption: AdoptionLimits | None
    log: Path | None
    metrics: Path | None
    columns: dict[str, str]


def read_configuration(path: Path) -> Configuration:
    """The configuration of a file. UsageError names the key that is wrong."""
    content = shaped(read_toml(path, _REMEDY), _File, str(path), UsageError, _REMEDY)
    if content.format != FORMAT:
        raise UsageError(f"{path}: format {content.format}: this version reads format {FORMAT}; {_REMEDY}")
    here = path.absolute().parent
    places = {name: here / getattr(content, name) for name in ("index", "state", "nights", "model")}
    folders = [places[name].resolve() for name in ("index", "state", "nights")]
    for folder in folders:
        if any(other != folder and other.is_relative_to(folder) for other in folders) or folders.count(folder) > 1:
            raise UsageError(f"{path}: index, state and nights must be folders beside each other; {_REMEDY}")
    said = {name: getattr(content, name) for name in ("postgresql", "gates", "retention", "adoption", "columns")}
    for name in ("log", "metrics"):
        file = getattr(content, name).file
        said[name] = None if file is None else here / file
    return Configuration(path, **places, sources=_sources(path, content), **said)


def _sources(path: Path, content: _File) -> Sources:
    """The patterns of files, with those of what is read from PostgreSQL, which come last."""
    asked = content.postgresql
    if asked is None:
        return content.sources
    what = f"{path}: [postgresql]"
    _check_url(asked.url, f"{what} url")
    if DATE not in asked.into:
        raise UsageError(f"{what} into {asked.into!r}: has no {DATE}, so that nights would share it; {_REMEDY}")
    named = asked.queries(datetime.date.min)
    if not named:
        raise UsageError(f"{what}: has no query; name one of {', '.join(Sources.__struct_fields__)}")
    kinds = {name: getattr(content.sources, name) for name in Sources.__struct_fields__}
    fetched = {name: (f"{glob.escape(asked.into)}/{name}.parquet",) for name in named}
    return Sources(**{name: (*told, *fetched.get(name, ())) for name, told in kinds.items()})


def _check_url(url: str, what: str) -> None:
    """UsageError, which repeats nothing of it, where it is none of PostgreSQL or holds a password."""
    scheme, _, rest = url.partition("://")
    if scheme not in ("postgresql", "postgres"):
        raise UsageError(f"{what}: begins with postgresql://; {_REMEDY}")
    before, at, _ = rest.partition("/")[0].partition("@")
    parsed = _URL.fullmatch(url)
    parameters = re.split("[&;]", parsed["parameters"] or "") if parsed else []
    names = [unquote(parameter.partition("=")[0]).lower() for parameter in parameters]
    if (at and ":" in before) or any(secret in name for name in names for secret in _SECRETS):
        raise UsageError(f"{what}: holds a password; put it into ~/.pgpass, or where PGPASSFILE says")
    if parsed is None:
        raise UsageError(
            f"{what}: is not postgresql://user@host:port/database?name=value without a password; write other signs "
            f"percent-encoded; {_REMEDY}"
        )


def fetched_folder(configuration: Configuration, date: datetime.date) -> Path | None:
    """Where the files of a night that come from PostgreSQL lie; None where none do."""
    if configuration.postgresql is None:
        return None
    return configuration.file.absolute().parent / configuration.postgresql.into.replace(DATE, date.isoformat())


def files_of(
    configuration: Configuration, patterns: tuple[str, ...], date: datetime.date, but: Sequence[Path] = ()
) -> tuple[list[Path], list[str]]:
    """The files that some patterns name for a night but those left out, in the order of the patterns and in each by
    path; and the patterns that name none."""
    here = configuration.file.absolute().parent
    found: dict[Path, None] = {}
    missing = []
    for pattern in patterns:
        dated = pattern.replace(DATE, date.isoformat())
        paths = sorted(here / name for name in glob.glob(dated, root_dir=here))
        files = [path for path in paths if not path.is_dir() and path not in but]
        found |= dict.fromkeys(files)
        if not files:
            missing.append(dated)
    return list(found), missing
