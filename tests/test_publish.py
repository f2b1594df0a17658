"""A run is published whole or not at all, whatever happens to the process, the disk or a second start."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from linkage.errors import LinkageError, TryLaterError, UsageError, VerificationError
from linkage.ingest.records import RecordsWriter
from linkage.published import folders as publish
from linkage.published.folders import staged
from linkage.published.reader import already_published, check_outputs, published_records, published_runs, read_manifest

ROOT = Path(__file__).parents[1]
TABLE = pa.table({"dose_id": ["D1", "D2", "D3"], "probability": [0.5, None, 1.0], "found_by": [["a"], [], None]})


def publish_run(runs: Path, run_id: str = "r1", table: pa.Table = TABLE) -> Path:
    with staged(runs, run_id) as stage:
        stage.write_table("decisions", table)
        stage.write_table("queues/review", table)
        stage.write_json("manifest", {"run_id": run_id, "outputs": stage.outputs})
        return stage.commit()


def child(code: str, *arguments: str) -> subprocess.Popen[str]:
    """A process of its own that runs ``code`` after the imports every one of them needs."""
    head = "import os, signal, sys, time; from pathlib import Path; import pyarrow as pa\n"
    head += "from linkage.published import folders as publish; from linkage.published.folders import staged\n"
    command = [sys.executable, "-c", head + textwrap.dedent(code), *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def test_a_committed_run_holds_every_file_and_its_manifest_proves_them(tmp_path: Path) -> None:
    run_dir = publish_run(tmp_path)
    assert run_dir == tmp_path / "r1"
    assert [path.name for path in tmp_path.iterdir()] == ["r1"]
    assert pq.read_table(run_dir / "decisions.parquet").equals(TABLE)
    outputs = read_manifest(run_dir)["outputs"]
    assert set(outputs) == {"decisions.parquet", "queues/review.parquet"}
    assert outputs["decisions.parquet"]["rows"] == 3
    check_outputs(run_dir, outputs)
    assert already_published(run_dir)
    assert not already_published(tmp_path / "r2")


def test_without_commit_nothing_appears(tmp_path: Path) -> None:
    with staged(tmp_path, "r1") as stage:
        stage.write_table("decisions", TABLE)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_on_the_way_leaves_nothing(tmp_path: Path) -> None:
    def fail() -> None:
        with staged(tmp_path, "r1") as stage:
            stage.write_table("decisions", TABLE)
            raise KeyError("linking failed")

    with pytest.raises(KeyError):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_a_run_without_manifest_is_not_committed(tmp_path: Path) -> None:
    with staged(tmp_path, "r1") as stage:
        stage.write_table("decisions", TABLE)
        with pytest.raises(ValueError, match=r"manifest\.json"):
            stage.commit()


@pytest.mark.parametrize("as_dictionary", [False, True])
@pytest.mark.parametrize("cuts", [[1], [7_777, 15_000], [2, 3, 5, 19_999]])
def test_bytes_depend_on_rows_not_on_chunks_or_dictionaries(
    tmp_path: Path, cuts: list[int], as_dictionary: bool
) -> None:
    n = 20_000  # some 3 MB: several pages a column, which is where chunks would show
    values = [None if i % 7 == 0 else hashlib.sha512(b"%d" % i).hexdigest() for i in range(n)]
    whole = pa.table({"value": values, "passes": [["id"] * (i % 3) for i in range(n)]})
    parts = [whole.slice(a, b - a) for a, b in itertools.pairwise([0, *cuts, n])]
    chunked = pa.concat_tables(parts)
    if as_dictionary:
        chunked = chunked.set_column(0, "value", chunked["value"].dictionary_encode())
    fields = [f.with_metadata({"made": "today"}) for f in chunked.schema]
    chunked = chunked.cast(pa.schema(fields, metadata={"by": str(cuts)}))
    written = [publish_run(tmp_path / str(i), table=table) for i, table in enumerate((whole, chunked))]
    assert chunked["value"].num_chunks == len(parts)
    assert (written[0] / "decisions.parquet").read_bytes() == (written[1] / "decisions.parquet").read_bytes()


def test_an_empty_table_keeps_its_columns(tmp_path: Path) -> None:
    run_dir = publish_run(tmp_path, table=TABLE.slice(0, 0))
    assert pq.read_table(run_dir / "decisions.parquet").schema.equals(TABLE.schema)


def test_row_groups_are_of_fixed_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publish, "ROW_GROUP_ROWS", 2)
    metadata = pq.read_metadata(publish_run(tmp_path) / "decisions.parquet")
    assert [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)] == [2, 1]


def test_a_second_start_is_sent_away_at_once(tmp_path: Path) -> None:
    with staged(tmp_path, "r1"), pytest.raises(TryLaterError, match="another run") as caught, staged(tmp_path, "r2"):
        pass
    assert caught.value.exit_code == 75
    publish_run(tmp_path)


def test_the_same_run_is_not_published_twice(tmp_path: Path) -> None:
    publish_run(tmp_path)
    with pytest.raises(LinkageError, match="exists already"):
        publish_run(tmp_path)
    assert already_published(tmp_path / "r1")


def test_runs_are_listed_oldest_first(tmp_path: Path) -> None:
    for moment, run_id in enumerate(["late", "early"]):
        publish_run(tmp_path, run_id)
        os.utime(tmp_path / run_id / "manifest.json", (100 - moment, 100 - moment))
    (tmp_path / ".linkage-work-x").mkdir()
    (tmp_path / ".linkage-work-x" / "manifest.json").write_text("{}")
    assert [path.name for path in published_runs(tmp_path)] == ["early", "late"]
    assert published_runs(tmp_path / "absent") == []


@pytest.mark.parametrize("run_id", ["", ".hidden", "a/b", "../up"])
def test_a_run_id_is_a_plain_name(tmp_path: Path, run_id: str) -> None:
    with pytest.raises(UsageError, match="run id"), staged(tmp_path, run_id):
        pass


def test_a_file_in_place_of_the_folder_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("")
    with pytest.raises(UsageError, match="is a file"), staged(tmp_path / "runs", "r1"):
        pass


def test_nan_is_refused_in_json(tmp_path: Path) -> None:
    with staged(tmp_path, "r1") as stage, pytest.raises(ValueError, match="not JSON compliant"):
        stage.write_json("manifest", {"share": float("nan")})


@pytest.mark.parametrize("at", [4, 60, -1])
def test_a_flipped_byte_is_found_before_the_run_appears(tmp_path: Path, at: int) -> None:
    with staged(tmp_path, "r1") as stage:
        path = stage.write_table("decisions", TABLE)
        stage.write_json("manifest", {})
        content = bytearray(path.read_bytes())
        content[at] ^= 1
        path.write_bytes(content)
        with pytest.raises(VerificationError, match="check the disk"):
            stage.commit()
    assert list(tmp_path.iterdir()) == []


def test_a_lost_row_is_found(tmp_path: Path) -> None:
    run_dir = publish_run(tmp_path)
    outputs = read_manifest(run_dir)["outputs"]
    outputs["decisions.parquet"]["rows"] = 4
    with pytest.raises(VerificationError, match="has 3 rows, 4 were written"):
        check_outputs(run_dir, outputs)


@pytest.mark.parametrize("content", ["{", "[]"])
def test_a_broken_manifest_is_reported(tmp_path: Path, content: str) -> None:
    (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(VerificationError, match=r"manifest\.json"):
        read_manifest(tmp_path)


def test_no_run_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no published run"):
        read_manifest(tmp_path)


KILLED_AT = {
    "after the tables": ("Stage.write_json", False),
    "before the rename": ("flush_all", False),
    "after the rename": ("flush", True),
}


@pytest.mark.parametrize("moment", KILLED_AT)
def test_killed_at_any_point_a_run_is_whole_or_absent(tmp_path: Path, moment: str) -> None:
    name, appears = KILLED_AT[moment]
    process = child(
        """
        runs, name, appears = Path(sys.argv[1]), sys.argv[2], sys.argv[3] == "True"
        owner = publish.Stage if name.startswith("Stage.") else publish
        real = getattr(owner, name.split(".")[-1])

        def killed(*arguments):
            if (runs / "r1").exists() == appears:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments)

        with staged(runs, "r1") as stage:
            stage.write_table("decisions", pa.table({"dose_id": ["D1"]}))
            setattr(owner, name.split(".")[-1], killed)
            stage.write_json("manifest", {"outputs": stage.outputs})
            stage.commit()
        """,
        str(tmp_path),
        name,
        str(appears),
    )
    process.communicate(timeout=30)
    assert process.returncode == -signal.SIGKILL
    assert (tmp_path / "r1").exists() == appears
    assert (tmp_path / "r1" in list(tmp_path.iterdir())) == appears
    assert len(list(tmp_path.glob(".linkage-work-*"))) == 1
    if appears:
        check_outputs(tmp_path / "r1", read_manifest(tmp_path / "r1")["outputs"])
    publish_run(tmp_path, "r2")
    assert sorted(path.name for path in tmp_path.iterdir()) == (["r1", "r2"] if appears else ["r2"])


def test_killed_while_writing_it_frees_the_lock(tmp_path: Path) -> None:
    process = child(
        """
        with staged(Path(sys.argv[1]), "r1") as stage:
            for i in range(10_000):
                stage.write_table(f"part-{i}", pa.table({"n": list(range(20_000))}))
                if i == 3:
                    print("writing", flush=True)
        """,
        str(tmp_path),
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "writing\n"
    with pytest.raises(TryLaterError), staged(tmp_path, "r2"):
        pass
    process.kill()
    process.communicate(timeout=30)
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".linkage-work-")
    publish_run(tmp_path, "r1")
    assert [path.name for path in tmp_path.iterdir()] == ["r1"]


def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    process = child(
        """
        import resource
        from linkage.errors import LinkageError
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
        try:
            with staged(Path(sys.argv[1]), "r1") as stage:
                stage.write_table("small", pa.table({"n": [1]}))
                stage.write_table("large", pa.table({"n": [os.urandom(100) for _ in range(50_000)]}))
                stage.write_json("manifest", {})
                stage.commit()
        except LinkageError as error:
            # What counts the lines that ran writes them at the end.
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            print(error)
            sys.exit(error.exit_code)
        """,
        str(tmp_path),
    )
    message, noise = process.communicate(timeout=30)
    assert process.returncode == 1, noise
    assert noise == ""
    assert message.count("\n") == 1
    assert "large.parquet: cannot write it (File too large)" in message
    assert list(tmp_path.iterdir()) == []


def test_json_is_canonical(tmp_path: Path) -> None:
    with staged(tmp_path, "r1") as stage:
        path = stage.write_json("manifest", {"b": "Xã Lộc Bắc", "a": [1, 2.5]})
        assert path.read_text(encoding="utf-8") == '{\n "a": [\n  1,\n  2.5\n ],\n "b": "Xã Lộc Bắc"\n}\n'
        assert json.loads(path.read_bytes()) == {"a": [1, 2.5], "b": "Xã Lộc Bắc"}


def test_what_was_published_is_never_called_unpublished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(folder: Path) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("linkage.published.folders.flush", broken)
    with pytest.raises(LinkageError, match=r"was published, but .* \(Input/output error\)"):
        publish_run(tmp_path)
    assert len(published_runs(tmp_path)) == 1


def test_records_are_published_from_their_work_file_or_written_anew(tmp_path: Path) -> None:
    rows = pa.table({"dose_id": [f"D{n}" for n in range(10)], "full_name": ["Lê Lan", None] * 5})
    with RecordsWriter(rows.schema, tmp_path, 4, name="accepted.arrow") as writer:
        writer.append(rows)
        records = writer.finish()
    with staged(tmp_path / "runs", "r1") as stage:
        whole = stage.write_records("whole", records)
        stage.write_records("few", records.without(np.array([1, 4, 9])))
        assert whole.samefile(tmp_path / "accepted.arrow")
        assert stage.outputs["whole.arrow"]["sha256"] == hashlib.sha256(whole.read_bytes()).hexdigest()
        assert (stage.outputs["whole.arrow"]["rows"], stage.outputs["few.arrow"]["rows"]) == (10, 7)
        stage.write_manifest({})
        folder = stage.commit()
    assert published_records(folder, "whole").read().equals(rows)
    left = published_records(folder, "few")
    assert left.read().equals(rows.take([0, 2, 3, 5, 6, 7, 8]))
    assert left.take(np.array([6, 0]), ["dose_id"])["dose_id"].to_pylist() == ["D8", "D0"]
    (folder / "few.arrow").write_bytes((folder / "few.arrow").read_bytes()[:-30])
    with pytest.raises(VerificationError, match=r"few\.arrow: is damaged"):
        published_records(folder, "few")
