"""Stocks and ETFs, from CSV files to Parquet and rolling features: ours beside Polars, pandas and parsing alone.

The files are made up in the layout of the Kaggle data set. Ours catalogues them, judges every row, sets the bad ones aside,
commits, and computes `stock_rolling`; then one more day of every symbol lands. The peers only drop rows without prices, and
write the same two tables as Parquet. `lean` is the cheapest way known: each row is parsed once, and goes from memory into
both; it shows how much of the goals any pipeline could use up. All read the same files in the same call, each in a process
of its own, alternating. `dlt` only loads the files into Parquet: by its own reader of CSV files, or handed Arrow tables that
others read (`dlt-arrow`). With `--zip` there is one archive, which the peers unpack first. Features of all are compared.
"""

import argparse
import json
import math
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import venv
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

PEERS = ("ours", "lean", "plain", "pandas", "dlt", "dlt-arrow", "parse")
OF_DLT = ("dlt", "dlt-arrow")
# Not among the project's own packages: it gets an environment of its own.
DLT = ("dlt[filesystem,parquet]==1.31.0", "pandas==3.1.1")
ROWS, INDEX, LAST_DAY, NEXT_DAY = 30, "symbols_valid_meta.csv", "2020-04-01", "2020-04-02"
MEAN_DAYS, LEAST_DAYS, MOST_DAYS = 3430, 30, 14_600  # of a file; the real ones begin in 1962
FILES_AT_ONCE = 50  # where several are read as one text
PANDAS_BYTES = 1_300_000  # of memory, for each file
FEATURES = ("vol_moving_avg", "adj_close_rolling_med")
HEADER = "Date,Open,High,Low,Close,Adj Close,Volume"
INDEX_HEADER = (
    "Nasdaq Traded,Symbol,Security Name,Listing Exchange,Market Category,ETF,Round Lot Size,Test Issue,Financial Status,"
    "CQS Symbol,NASDAQ Symbol,NextShares"
)
Run = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--files", type=int, default=8000, help="one a symbol, of 3,500 days on average; 8,000 as the real archive has"
    )
    parser.add_argument("--zip", action="store_true", help="an archive instead of loose files")
    parser.add_argument("--rounds", type=int, default=1, help="8,000 files take ten minutes a round")
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=PEERS)
    parser.add_argument("--child", choices=(*PEERS, "day", "make"), help=argparse.SUPPRESS)
    parser.add_argument("--samples", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--home", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        answer(arguments.child, arguments.samples, arguments.home, arguments.files, arguments.zip)
        return
    if "pandas" in arguments.peers and (here := memory()) < arguments.files * PANDAS_BYTES:
        print(f"without pandas: it would need {arguments.files * PANDAS_BYTES / 1e9:.0f} GB, here are {here / 1e9:.0f}")
        arguments.peers = [peer for peer in arguments.peers if peer != "pandas"]
    with tempfile.TemporaryDirectory() as scratch:
        if set(OF_DLT) & set(arguments.peers):
            arguments.dlt = environment(Path(scratch) / "dlt", *DLT)
        samples, tenth = Path(scratch) / "samples", Path(scratch) / "tenth"
        # Made in another process: a child's peak memory would begin with that of its parent.
        made = {part: child("make", part, None, arguments) for part in (samples, tenth)}
        full: dict[str, list[Run]] = {peer: [] for peer in (*arguments.peers, "day")}
        small: dict[str, list[Run]] = {peer: [] for peer in arguments.peers}
        for _ in range(arguments.rounds):
            for peer in arguments.peers:
                for part, results in ((tenth, small), (samples, full)):
                    home = Path(tempfile.mkdtemp(dir=scratch))
                    results[peer].append(child(peer, part, home, arguments))
                    if peer == "ours" and part is samples:
                        full["day"].append(child("day", part, home, arguments))
                    shutil.rmtree(home)
        agree([runs[0] for peer, runs in full.items() if peer not in ("day", "parse", *OF_DLT)])
        show(made[samples], best(full), best(small))


def memory() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def child(name: str, samples: Path, home: Path | None, arguments: argparse.Namespace) -> Run:
    files = max(10, arguments.files // 10) if samples.name == "tenth" else arguments.files
    python = arguments.dlt if name in OF_DLT else sys.executable
    command = [python, __file__, "--child", name, "--samples", samples, "--files", files]
    command += ["--zip"] * arguments.zip + (["--home", home] if home else [])
    told = subprocess.run([str(part) for part in command], check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(told.splitlines()[-1])


def environment(folder: Path, *requirements: str) -> Path:
    """The Python of a new environment with these packages."""
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", *requirements], check=True)
    return python


def best(results: dict[str, list[Run]]) -> dict[str, Run]:
    return {peer: min(runs, key=lambda run: run["cpu"]) for peer, runs in results.items() if runs}


def agree(runs: list[Run]) -> None:
    for run in runs[1:]:
        assert run["rows"] == runs[0]["rows"], (run, runs[0])
        for name in FEATURES:
            assert math.isclose(run[name], runs[0][name], rel_tol=1e-9), (name, run, runs[0])


def show(made: Run, full: dict[str, Run], small: dict[str, Run]) -> None:
    print(f"{made['files']:,} files, {made['rows']:,} rows, {made['megabytes']:,.0f} MB of text; features agree")
    columns = ("CPU s", "wall s", "peak MB", "/ parse", "/ pandas", "MB, tenth", "growth")
    print(f"{'':8}" + "".join(f"{name:>11}" for name in columns))
    for peer in (peer for peer in PEERS if peer in full):
        run = full[peer]
        ratios = [run["cpu"] / full[other]["cpu"] if other in full else math.nan for other in ("parse", "pandas")]
        told = [run["cpu"], run["wall"], run["peak"], *ratios, small[peer]["peak"], run["peak"] / small[peer]["peak"]]
        print(f"{peer:8}" + "".join(f"{value:11.2f}" for value in told))
    if "ours" not in full:
        return
    ours, day = full["ours"], full["day"]
    print(f"of ours: ingest {ours['ingest']:.2f} CPU s, features {ours['cpu'] - ours['ingest']:.2f}")
    print(
        f"one more day, {day['computed']:,} rows computed: {day['cpu']:.2f} CPU s (ingest {day['ingest']:.2f}), "
        f"{day['wall']:.2f} wall s, {day['peak']:.0f} MB; incremental / full: {day['cpu'] / ours['cpu']:.2f}"
    )
    found = {
        "at most 1.25x plain": (ours["cpu"] / full["plain"]["cpu"], 1.25) if "plain" in full else None,
        "at most 0.5x pandas": (ours["cpu"] / full["pandas"]["cpu"], 0.5) if "pandas" in full else None,
        "at most 0.1x dlt": (ours["cpu"] / full["dlt"]["cpu"], 0.1) if "dlt" in full else None,
        "wall at most 0.6x its CPU": (ours["wall"] / ours["cpu"], 0.6),
        "at most 500 MB": (ours["peak"], 500),
        "grows at most 1.15x": (ours["peak"] / small["ours"]["peak"], 1.15),
    }
    for goal, told in found.items():
        if told:
            print(f"goal, {goal}: {'yes' if told[0] <= told[1] else 'NO'} ({told[0]:.2f})")


def make(samples: Path, files: int, zipped: bool) -> Run:
    """The files, the index, and one more day of each file."""
    import numpy as np
    import polars as pl

    random = np.random.default_rng(0)
    lengths = random.exponential(MEAN_DAYS, files).clip(LEAST_DAYS, MOST_DAYS).astype(int)
    calendar = pl.Series("Date", np.busday_offset(LAST_DAY, np.arange(1 - MOST_DAYS, 1), roll="backward"))
    archive, more, index = samples / "archive", samples / "more", [INDEX_HEADER]
    for number, days in enumerate(lengths.tolist()):
        # As in the real index: a symbol of a class of shares is named otherwise there than its file, a few are not there.
        symbol = f"ZZ{number}" + ("-A" if number % 20 == 7 else "")
        kind = "etfs" if number % 4 == 3 else "stocks"
        close = 20 * np.exp(np.cumsum(random.normal(0, 0.02, days)))
        apart = 1 + np.abs(random.normal(0, 0.01, (2, days)))
        open_ = close * np.where(random.random(days) < 0.5, apart[0] ** 0.5, apart[1] ** -0.5)
        open_[:25] = 0  # nobody recorded it
        prices = [open_, close * apart[0], close / apart[1], close, close * np.linspace(0.8, 1, days)]
        volume = np.round(np.exp(random.normal(11.5, 2) + random.normal(0, 0.5, days))) * 100
        # Real prices are single floats, written as doubles.
        columns = {
            name: pl.Series(values.astype(np.float32)).cast(pl.Float64)
            for name, values in zip(HEADER.split(",")[1:6], prices, strict=True)
        }
        there = pl.Series(random.random(days) > 1 / 30_000)
        rows = pl.DataFrame({"Date": calendar.tail(days), **columns, "Volume": volume}).with_columns(
            pl.when(there).then(pl.exclude("Date"))
        )
        for folder, of_folder in ((archive, rows), (more, rows.tail(1).with_columns(Date=pl.lit(NEXT_DAY)))):
            path = folder / kind / f"{symbol}.csv"
            path.parent.mkdir(parents=True, exist_ok=True)
            of_folder.write_csv(path)
        if number % 500 != 99:
            own, etf = symbol.replace("-", "$"), "Y" if kind == "etfs" else "N"
            index.append(f'Y,{own},"{symbol} Corp., Shares",N, ,{etf},100.0,N,,{own},{symbol},N')
    (archive / INDEX).write_text("\n".join([*index, ""]))
    size = sum(path.stat().st_size for path in archive.rglob("*.csv"))
    if zipped:
        for folder in (archive, more):
            pack(folder)
    return {"files": files, "rows": int(lengths.sum()), "megabytes": size / 1e6}


def pack(folder: Path) -> None:
    paths = sorted(folder.rglob("*.csv"))
    with zipfile.ZipFile(folder.with_suffix(".zip"), "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for path in paths:
            archive.write(path, path.relative_to(folder))
    shutil.rmtree(folder)


@contextmanager
def loose(samples: Path) -> Iterator[Path]:
    """The folder of the files, unpacked where they are in an archive."""
    folder = samples / "archive"
    if folder.is_dir():
        yield folder
        return
    with tempfile.TemporaryDirectory(dir=samples) as unpacked:
        with zipfile.ZipFile(folder.with_suffix(".zip")) as archive:
            archive.extractall(unpacked)
        yield Path(unpacked)


def files_in(folder: Path) -> list[Path]:
    return sorted([*(folder / "stocks").iterdir(), *(folder / "etfs").iterdir()])


def answer(name: str, samples: Path, home: Path, files: int, zipped: bool) -> None:
    if name == "make":
        print(json.dumps(make(samples, files, zipped)))
        return
    run: Callable[[Path, Path], Run]
    if name in ("ours", "day"):
        from cryptodudez_assets.derived.upkeep import materialize  # noqa: F401  (imports are not what is measured)

        put_in_raw(samples / ("archive" if name == "ours" else "more"), home)
        run = ours
    elif name == "pandas":
        import pandas
        import pyarrow.parquet

        run = by_pandas
    elif name in OF_DLT:
        os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
        import dlt  # noqa: F401
        import pandas  # noqa: F401
        import pyarrow.csv

        run = by_dlt if name == "dlt" else by_dlt_with_arrow
    else:
        import polars  # noqa: F401
        import pyarrow.parquet  # noqa: F401

        run = {"lean": lean, "plain": plain, "parse": parse}[name]
    cpu, wall = processor(), time.perf_counter()
    told = run(samples, home)
    used = {"cpu": processor() - cpu, "wall": time.perf_counter() - wall}
    used["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({**told, **used, **(sums(home) if name in ("ours", "lean", "plain", "pandas") else {})}))


def processor() -> float:
    """Seconds of this process and of those that it started."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def put_in_raw(landed: Path, home: Path) -> None:
    """As links: bringing the files there is not what is measured."""
    raw = home / "lake" / "raw" / "stock_market" / landed.name
    if landed.is_dir():
        shutil.copytree(landed, raw, copy_function=os.link)
    else:
        raw.mkdir(parents=True)
        os.link(landed.with_suffix(".zip"), raw / "stock-market.zip")


def ours(samples: Path, home: Path) -> Run:
    from cryptodudez_assets.derived.upkeep.materialize import materialize
    from cryptodudez_assets.features.stock_rolling import VIEW
    from cryptodudez_assets.lake.ingest.cataloguing import catalogue_objects
    from cryptodudez_assets.lake.ingest.ingest import ingest
    from cryptodudez_assets.lake.metastore.discovery import discover_all

    lake, began = lake_in(home), time.process_time()
    for source in sources():
        catalogue_objects(lake, source, discover_all(lake, source.name))
        ingest(lake, source)
    ingested = time.process_time() - began
    return {"ingest": ingested, "computed": materialize(lake, VIEW).rows}


def lake_in(home: Path) -> Any:
    from cryptodudez_assets.lake.lake import Lake
    from cryptodudez_assets.settings import Settings
    from cryptodudez_assets.sources import all_sources

    return Lake.open(Settings(home=home, settle_seconds=0), all_sources())


def sources() -> list[Any]:
    from cryptodudez_assets.sources import all_sources

    return [all_sources()[name] for name in ("stock_symbols", "stock_market")]


def plain(samples: Path, home: Path) -> Run:
    import polars as pl

    with loose(samples) as folder:
        own = pl.col("path").str.extract(r"([^/]+)\.csv$")
        schema = {"Date": pl.Date, **dict.fromkeys(HEADER.split(",")[1:], pl.Float64)}
        index = pl.read_csv(folder / INDEX).select("Security Name", Symbol=pl.col("NASDAQ Symbol"))
        rows = pl.scan_csv(files_in(folder), schema=schema, include_file_paths="path").drop_nulls("Close")
        named = (
            rows.with_columns(Symbol=own)
            .drop("path")
            .join(index.lazy(), on="Symbol", how="left", maintain_order="left")
        )
        named.sink_parquet(home / "candles.parquet")
    volume, price = pl.col("Volume").rolling_mean(ROWS), pl.col("Adj Close").rolling_median(ROWS)
    features = [one.over("Symbol").alias(name) for one, name in zip((volume, price), FEATURES, strict=True)]
    pl.scan_parquet(home / "candles.parquet").with_columns(features).sink_parquet(home / "features.parquet")
    return {}


def by_pandas(samples: Path, home: Path) -> Run:
    import pandas as pd

    with loose(samples) as folder:
        index = pd.read_csv(folder / INDEX, keep_default_na=False)
        frames = [pd.read_csv(path, parse_dates=["Date"]).assign(Symbol=path.stem) for path in files_in(folder)]
    rows = pd.concat(frames, ignore_index=True).dropna(subset=["Close"])
    del frames
    index = index[["NASDAQ Symbol", "Security Name"]].rename(columns={"NASDAQ Symbol": "Symbol"})
    rows = rows.merge(index, on="Symbol", how="left")
    rows.to_parquet(home / "candles.parquet")
    groups = rows.groupby("Symbol", sort=False)
    rows[FEATURES[0]] = groups["Volume"].rolling(ROWS).mean().reset_index(level=0, drop=True)
    rows[FEATURES[1]] = groups["Adj Close"].rolling(ROWS).median().reset_index(level=0, drop=True)
    rows.to_parquet(home / "features.parquet")
    return {}


def by_dlt(samples: Path, home: Path) -> Run:
    """Files to Parquet as its documentation has it: rows from its own reader, each of which it looks at."""
    from dlt.sources.filesystem import read_csv

    return loaded_by_dlt(samples, home, read_csv())


def by_dlt_with_arrow(samples: Path, home: Path) -> Run:
    """Files to Parquet by the leanest way that it has: each file is an Arrow table, and no row is looked at."""
    import dlt
    from pyarrow import csv, float64

    @dlt.transformer
    def tables(items: Any) -> Iterator[Any]:
        types = csv.ConvertOptions(column_types={name: float64() for name in HEADER.split(",")[1:]})
        for item in items:
            with item.open() as text:
                table = csv.read_csv(text, convert_options=types)
            yield table.append_column("symbol", [[item["file_name"].removesuffix(".csv")] * len(table)])

    return loaded_by_dlt(samples, home, tables)


def loaded_by_dlt(samples: Path, home: Path, reader: Any) -> Run:
    import dlt
    from dlt.sources.filesystem import filesystem

    with loose(samples) as folder:
        found = filesystem(bucket_url=folder.resolve().as_uri(), file_glob="*/*.csv")
        destination = dlt.destinations.filesystem(bucket_url=(home.resolve() / "loaded").as_uri())
        pipeline = dlt.pipeline("candles", pipelines_dir=str(home / "pipelines"), destination=destination)
        pipeline.run(found | reader.with_name("candles"), loader_file_format="parquet")
    return {"rows": pipeline.last_trace.last_normalize_info.row_counts["candles"]}


def lean(samples: Path, home: Path) -> Run:
    import polars as pl

    within = pl.when(pl.col("Symbol") == pl.col("Symbol").shift(ROWS - 1))
    windows = pl.col("Volume").rolling_sum(ROWS) / ROWS, pl.col("Adj Close").rolling_median(ROWS)
    features = [within.then(window).alias(name) for window, name in zip(windows, FEATURES, strict=True)]
    with loose(samples) as folder, ExitStack() as stack:
        index = pl.read_csv(folder / INDEX).select("Security Name", Symbol=pl.col("NASDAQ Symbol"))
        candles, with_features = (parquet(home / f"{name}.parquet", stack) for name in ("candles", "features"))
        for paths in batches(files_in(folder)):
            texts = [text_of(path) for path in paths]
            named = pl.DataFrame({"Symbol": [path.stem for path in paths]}).join(
                index, on="Symbol", how="left", maintain_order="left"
            )
            lengths = pl.Series([text.count(b"\n") for text in texts])
            rows = parsed(texts).hstack(named.select(pl.all().repeat_by(lengths).explode())).drop_nulls("Close")
            candles(rows)
            with_features(rows.with_columns(features))
    return {}


def parquet(path: Path, stack: ExitStack) -> Callable[[Any], None]:
    """A file that grows: floats split by byte, text by dictionary, as cheap as can be written."""
    import polars as pl
    import pyarrow.parquet as pq

    writers: list[Any] = []

    def write(frame: pl.DataFrame) -> None:
        rows = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
        if not writers:
            floats = {field.name: "BYTE_STREAM_SPLIT" for field in rows.schema if field.type == "double"}
            texts = ["Symbol", "Security Name"]
            file = pq.ParquetWriter(path, rows.schema, compression="lz4", use_dictionary=texts, column_encoding=floats)
            writers.append(stack.enter_context(file))
        writers[0].write_table(rows)

    return write


def parse(samples: Path, home: Path) -> Run:
    with loose(samples) as folder:
        return {"rows": sum(parsed([text_of(path) for path in paths]).height for paths in batches(files_in(folder)))}


def batches(paths: list[Path]) -> Iterator[list[Path]]:
    return (paths[start : start + FILES_AT_ONCE] for start in range(0, len(paths), FILES_AT_ONCE))


def text_of(path: Path) -> bytes:
    """Without the header."""
    return path.read_bytes().partition(b"\n")[2]


def parsed(texts: list[bytes]) -> Any:
    """Records of several files as one text: the cheapest way known."""
    import polars as pl

    schema = {"Date": pl.Date, **dict.fromkeys(HEADER.split(",")[1:], pl.Float64)}
    return pl.read_csv(b"".join(texts), has_header=False, schema=schema)


def sums(home: Path) -> Run:
    """By which the features of peers are compared."""
    import polars as pl

    path = home / "features.parquet"
    table = pl.scan_parquet(path) if path.exists() else lake_in(home).tables.scan("features.stock_rolling")
    told = table.select(pl.len().alias("rows"), *(pl.col(name).fill_nan(None).sum() for name in FEATURES))
    return told.collect(engine="streaming").to_dicts()[0]


if __name__ == "__main__":
    main()
