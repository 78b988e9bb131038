"""Others read our tables: the programs of docs/reading_from_outside.md, each in the readers' environment, over a home of every type.

What they hand back is Parquet that they write themselves; it has every column and row that we read.
"""

import os
import shutil
import subprocess
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pandera.polars as pa
import polars as pl
import pyarrow.parquet as pq
import pytest
from polars.testing import assert_frame_equal
from pyiceberg.expressions import EqualTo, Reference

from cryptodudez_assets.contracts.base import Contract, Exact, UtcTime, polars_schema
from cryptodudez_assets.lake.iceberg.scan import data_files
from cryptodudez_assets.lake.iceberg.spec import TableSpec
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.builders import READINGS, csv, open_lake, rows_of, take_in
from cryptodudez_assets_tests.conftest import ROOT

pytestmark = pytest.mark.spark

READERS = ROOT / ".readers"
SQLITE_JAR = Path("/usr/share/java/sqlite-jdbc.jar")
PAGE = (ROOT / "docs" / "reading_from_outside.md").read_text()
PROGRAMS = {
    section.partition("\n")[0]: section.partition("```python\n")[2].partition("```")[0]
    for section in PAGE.split("\n## ")[1:]
}
WRITES = {
    "Spark": "rows(table).write.option('compression', 'zstd').parquet(f'{out}/{table}')",
    "PyIceberg": "import pyarrow.parquet as pq; pq.write_table(rows(table), f'{out}/{table}.parquet')",
    "Daft": "rows(table).write_parquet(f'{out}/{table}')",
    "DuckDB": "rows(table).write_parquet(f'{out}/{table}.parquet')",
}
LIES = {"Spark": "/*.parquet", "PyIceberg": ".parquet", "Daft": "/*.parquet", "DuckDB": ".parquet"}
"""What follows each program: how it writes what it read. Spark's own writer must be told that microseconds are meant."""
PATIENCE_SECONDS = 300
KINDS = "lab.kinds"


class Kinds(Contract):
    """Every type that a contract may use."""

    name: str = pa.Field(description="Name.")
    text: str = pa.Field(description="Text.", nullable=True)
    number: pl.Int64 = pa.Field(description="Number.", nullable=True)
    share: float = pa.Field(description="Share.", nullable=True)
    amount: Exact = pa.Field(description="Amount.", nullable=True)
    yes: pl.Boolean = pa.Field(description="Yes.", nullable=True)
    day: pl.Date = pa.Field(description="Day.", nullable=True)
    event_ts: UtcTime = pa.Field(description="Time.", nullable=True)
    tags: pl.List(pl.String) = pa.Field(description="Tags.", nullable=True)  # type: ignore[valid-type]


class MoreKinds(Kinds):
    """The same, with a column that came later."""

    later: str = pa.Field(description="Later.", nullable=True)


PARTITIONS = (("name", "identity"), ("event_ts", "month"))
BEFORE = TableSpec(KINDS, Kinds, PARTITIONS, ("event_ts",))  # type: ignore[arg-type]
AFTER = TableSpec(KINDS, MoreKinds, PARTITIONS, ("event_ts",))  # type: ignore[arg-type]
FULL: dict[str, object] = {
    "name": "full",
    "text": "ü\n\0’",
    "number": 2**62 + 1,
    "share": 0.1,
    "amount": Decimal("-99999999999999999999.999999999999999999"),
    "yes": True,
    "day": date(1960, 2, 29),
    "event_ts": datetime(1969, 12, 31, 23, 59, 59, 999999, UTC),
    "tags": ["a", None, ""],
}
ODD: list[dict[str, object]] = [
    FULL | {"share": float("nan"), "amount": Decimal("0.000000000000000001"), "tags": []},
    FULL | {"share": float("inf"), "number": -(2**63), "day": date(2262, 5, 1)},
    FULL | {"share": 5e-324, "text": "", "event_ts": datetime(2262, 4, 11, 1, 2, 3, 4, UTC)},
    {"name": "ünmögl/ich=?%"},
]


def of(contract: type[Contract], *rows: dict[str, object]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=polars_schema(contract))


def fill(home: Path) -> None:
    """Readings with what is set aside, of which some are told anew; and every type, of which rows are deleted and revised."""
    lake = open_lake(Settings(home=home, settle_seconds=0))
    folder = Path(lake.settings.lake) / "raw" / READINGS.name
    folder.mkdir(parents=True)
    (folder / "first.csv").write_bytes(csv("s", range(40), value=1.5, bad=1))
    take_in(lake)
    (folder / "second.csv").write_bytes(csv("s", range(20, 800), value=2.5))
    take_in(lake)
    with lake.tables.changing(BEFORE) as change:
        many = [FULL | {"name": "many", "number": number, "share": number / 7} for number in range(500)]
        change.add(of(Kinds, FULL, *ODD, *many, {"name": "goes", "number": 1}, {"name": "goes", "number": 2}))
    with lake.tables.changing(BEFORE) as change:
        change.delete(EqualTo(Reference("name"), "goes"))
        change.delete(EqualTo(Reference("number"), 7))
    with lake.tables.changing(AFTER) as change:
        change.add(of(MoreKinds, FULL | {"name": "new", "later": "told"}))
    with lake.tables.changing(AFTER) as change:
        paths = change.paths(EqualTo(Reference("name"), "many"))
        text = pl.when(pl.col("number") == 8).then(pl.lit("revised")).otherwise("text")
        change.rewrite(paths, lambda rows: rows.with_columns(text=text))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home that all readers read. In its path are blanks, for people have them."""
    home = tmp_path_factory.mktemp("readers") / "a home"
    fill(home)
    return home


@pytest.fixture(scope="module")
def readers() -> Path:
    """Python with the readers."""
    if not (READERS / "installed").exists():
        pytest.skip("no readers: make install-readers")
    return READERS / "bin" / "python"


@pytest.fixture(scope="module")
def for_spark(readers: Path) -> Path:
    """The same, where Spark can read the catalog, too."""
    if shutil.which("java") is None:
        pytest.skip("no Java: apt-get install openjdk-17-jre-headless")
    if not SQLITE_JAR.exists():
        pytest.skip("no JDBC driver of SQLite: apt-get install libxerial-sqlite-jdbc-java")
    return readers


def programmed(python: Path, program: str, home: Path, **also: str) -> str:
    """What a program prints that is run over a home."""
    jars = sorted(READERS.glob("lib/python*/site-packages/snowpark_connect_deps_iceberg/jars"))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CRYPTODUDEZ_")}
    environment |= {"CRYPTODUDEZ_HOME": str(home), "SPARK_LOCAL_IP": "127.0.0.1", "DO_NOT_TRACK": "1"}
    environment |= {"ICEBERG_JARS": str(jars[0])} if jars else {}
    done = subprocess.run(
        [python, "-c", program],
        env=environment | also,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr[-4000:]
    return done.stdout


def read_by(python: Path, reader: str, lake: Lake, out: Path, then: str = "") -> str:
    """Every table by this reader, compared with what we read; its program is that of the docs, with what loads its parts.

    `then` goes on from there; gives what was printed.
    """
    out.mkdir()
    program = PROGRAMS[reader]
    if reader == "DuckDB":
        for name in ("avro", "iceberg"):
            (part,) = READERS.glob(
                f"lib/python*/site-packages/duckdb_extension_{name}/extensions/*/{name}.duckdb_extension"
            )
            program = program.replace(f"LOAD {name}", f"LOAD '{part}'")
    names = lake.tables.names()
    if reader == "Spark":
        program += "spark.conf.set('spark.sql.parquet.outputTimestampType', 'TIMESTAMP_MICROS')\n"
    program += f"\nout = {str(out)!r}\nfor table in {names!r}:\n    {WRITES[reader]}\n"
    said = programmed(python, program + then, Path(lake.settings.home))
    for name in names:
        read, ours = pl.read_parquet(f"{out}/{name}{LIES[reader]}"), rows_of(lake, name)
        assert_frame_equal(sorted_by_all(read), sorted_by_all(ours), check_exact=True, check_row_order=True)
    return said


def sorted_by_all(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows in one order, whoever read them. Types stay as they are."""
    by = [
        pl.col(name).list.join("\0", ignore_nulls=True) if isinstance(kind, pl.List) else pl.col(name)
        for name, kind in rows.schema.items()
    ]
    return rows.sort(by, nulls_last=True)


def test_the_home_has_what_readers_trip_over(home: Path) -> None:
    lake = open_lake(Settings(home=home))
    table = lake.tables.load(KINDS)
    files = [pq.ParquetFile(file.file_path).metadata for file in data_files(table)]
    encodings = {
        one.row_group(0).column(at).path_in_schema: one.row_group(0).column(at).encodings
        for one in files
        for at in range(one.num_columns)
    }
    assert "BYTE_STREAM_SPLIT" in encodings["share"]
    kinds = rows_of(lake, KINDS)
    assert kinds["name"].value_counts().sort("name").rows() == [
        ("full", 4),
        ("many", 499),
        ("new", 1),
        ("ünmögl/ich=?%", 1),
    ]
    assert kinds.filter(pl.col("text") == "revised").height == 1
    assert len(table.metadata.snapshots) >= 4
    readings = rows_of(lake, READINGS.table)["value"].value_counts().sort("value").rows()
    assert readings == [(1.5, 20), (2.5, 780)]
    assert {"quarantine.rows", "catalog.files", KINDS, READINGS.table, READINGS.observations} <= set(
        lake.tables.names()
    )


@pytest.mark.parametrize("reader", ["PyIceberg", "Daft", "DuckDB"])
def test_others_read_what_we_read(readers: Path, reader: str, home: Path, tmp_path: Path) -> None:
    read_by(readers, reader, open_lake(Settings(home=home)), tmp_path / "out")


def test_our_own_pyiceberg_reads_it_as_one_from_outside_does(home: Path, tmp_path: Path) -> None:
    read_by(Path(sys.executable), "PyIceberg", open_lake(Settings(home=home)), tmp_path / "out")


VECTORISED = f"""
spark.conf.set("spark.sql.iceberg.vectorization.enabled", "true")
try:
    rows({READINGS.table!r}).collect()
except Exception as error:
    print(error)
"""


def test_sparks_jvm_reads_what_we_read_unless_it_is_to_read_vectors(
    for_spark: Path, home: Path, tmp_path: Path
) -> None:
    said = read_by(for_spark, "Spark", open_lake(Settings(home=home)), tmp_path / "out", VECTORISED)
    assert "Cannot support vectorized reads for column [value]" in said
