"""The peer of `engines.py`: Spark's own reader of CSV files, its windows, and Iceberg's writer, as `make install-readers` has them."""

import sys
import tempfile
from pathlib import Path

import snowpark_connect_deps_iceberg
from engines import phase, tell
from pyspark.sql import SparkSession
from pyspark.sql import functions as f
from stock_pipeline import FEATURES, HEADER, INDEX, ROWS

JARS = Path(snowpark_connect_deps_iceberg.__file__).parent / "jars"
MASTER = "local[2]"


def main() -> None:
    archive = Path(sys.argv[1], "archive")
    with tempfile.TemporaryDirectory() as warehouse:
        with phase("before"):
            spark = started(warehouse)
            spark.range(1000).repartition(2).count()
        with phase("ingest"):
            candles(spark, archive).writeTo("lake.market.stock_market").create()
        with phase("features"):
            features(spark).writeTo("lake.features.stock_rolling").create()
        sums = [f.sum(name).alias(name) for name in FEATURES]
        (told,) = spark.table("lake.features.stock_rolling").agg(f.count("*").alias("rows"), *sums).collect()
        tell({"sums": told.asDict()})
        spark.stop()


def started(warehouse: str) -> SparkSession:
    options = {
        "spark.jars": ",".join(map(str, JARS.glob("iceberg-spark-runtime-3.5_2.12-*.jar"))),
        "spark.sql.catalog.lake": "org.apache.iceberg.spark.SparkCatalog",
        "spark.sql.catalog.lake.type": "hadoop",
        "spark.sql.catalog.lake.warehouse": warehouse,
        "spark.ui.enabled": "false",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.memory": "4g",
        "spark.sql.shuffle.partitions": "8",
        "spark.log.level": "ERROR",
    }
    builder = SparkSession.builder.master(MASTER)
    for name, value in options.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def candles(spark: SparkSession, archive: Path):
    schema = ", ".join([f"`{name}` {'date' if name == 'Date' else 'double'}" for name in HEADER.split(",")])
    rows = spark.read.csv([str(archive / kind) for kind in ("stocks", "etfs")], schema=schema, header=True)
    symbol = f.regexp_extract(f.input_file_name(), r"([^/]+)\.csv$", 1)
    index = spark.read.csv(str(archive / INDEX), header=True).select(
        "Security Name", f.col("NASDAQ Symbol").alias("Symbol")
    )
    named = rows.withColumn("Symbol", symbol).where("Close is not null").join(f.broadcast(index), "Symbol", "left")
    # As our table is sorted, within each file.
    return named.repartition("Symbol").sortWithinPartitions("Symbol", "Date")


def features(spark: SparkSession):
    last = f"over (partition by Symbol order by Date rows between {ROWS - 1} preceding and current row)"
    whole = f"count(*) {last} = {ROWS}"
    told = [("avg(Volume)", FEATURES[0]), ("percentile(`Adj Close`, 0.5)", FEATURES[1])]
    columns = [f"case when {whole} then {how} {last} end as {name}" for how, name in told]
    return spark.table("lake.market.stock_market").selectExpr("*", *columns)


if __name__ == "__main__":
    main()
