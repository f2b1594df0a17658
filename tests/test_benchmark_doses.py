"""What Splink is given of a simulation is what our own run links."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

from benchmarks.accuracy.standardised import standardise
from linkage.registry.from_files import build_from_files
from linkage.simulate import simulate


def test_claims_and_persons_of_a_simulation(tmp_path: Path) -> None:
    simulate(2000, 3000, 5, tmp_path / "simulation")
    folder = tmp_path / "simulation"
    index = build_from_files([folder / "registry.parquet"], tmp_path / "index", units=folder / "units")
    ready = standardise(SimpleNamespace(doses=folder / "doses.parquet"), index)  # type: ignore[arg-type]
    assert (ready.persons.num_rows, ready.doses.num_rows) == (2000, 3000)
    claims = ready.claims.column("unique_id").to_pylist()
    assert len(set(claims)) == len(claims)
    # Only claims of foreigners, who are not linked, are left out.
    of_doses = set(ready.doses.column("unique_id").to_pylist())
    assert set(claims) < of_doses
    assert len(of_doses) - len(claims) < 0.02 * len(of_doses)
    named = [name for name in ready.claims.column("full_name").to_pylist() if name]
    assert len(named) > 0.95 * len(claims)
