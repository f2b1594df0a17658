"""Doses of the state, read again as they were read the night they came."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from linkage.deciding.pins import VerdictsInForce
from linkage.errors import VerificationError
from linkage.ingest.records import RecordsWriter
from linkage.night.stages import Work, read_doses_again
from linkage.published.decided import ReadDoses
from linkage.registry.index import Index
from linkage.schema import DOSES


def read_versions(versions: pa.Table, index: Index, work: Work, verdicts: VerdictsInForce | None = None) -> ReadDoses:
    """The doses and claims of rows of the state's doses, in the order of dose_id, and what verdicts say of them.

    Raises VerificationError where a dose makes another claim than when it came.
    """
    read = read_anew(versions, index, work, verdicts)
    differs = np.flatnonzero(claims_made(read) != versions["claim"].to_numpy())
    if differs.size:
        example = versions["dose_id"][int(differs[0])].as_py()
        raise VerificationError(
            f"state: {differs.size:,} doses make other claims than when they came, such as {example}: the index reads "
            "them otherwise; put the index back that the nights so far were linked with"
        )
    return read


def claims_made(read: ReadDoses) -> NDArray[np.uint64]:
    """The key of the claim that each dose makes: uint64[n_doses]."""
    return np.asarray(read.claims.keys[read.claims.of_dose])


def read_anew(versions: pa.Table, index: Index, work: Work, verdicts: VerdictsInForce | None = None) -> ReadDoses:
    """The same, whatever claims they made so far."""
    with RecordsWriter(DOSES.arrow(), work.scratch) as writer:
        writer.append(versions.select(DOSES.names).cast(DOSES.arrow()))
        return read_doses_again(
            writer.finish(),
            versions["readings"].combine_chunks(),
            versions["unread"].to_numpy(),
            index,
            work.n_threads,
            work.scratch,
            verdicts,
        )
