"""Memory and time of one large row group, from the raw zone to the table, in a process of its own.

The file is made up at run time: a single row group, with times, texts, decimals and structures; one row in ten thousand is broken.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from large_json import taken_in

BROKEN_EACH = 10_000
BYTES_OF_A_ROW = 640
START = np.datetime64("2024-01-01", "us")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mb", type=int, default=1024, help="size of the row group, unpacked")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(taken_in(arguments.child, "toy_parquet")))
        return
    told = measured(arguments.mb)
    print(
        f"{told['read']:,.0f} rows, {told['quarantined']:,.0f} of them broken, in a row group of {told['size']:,.0f} MiB: "
        f"{told['cpu']:.1f} s CPU, {told['wall']:.1f} s, peak {told['peak']:,.0f} MiB ({told['before']:,.0f} MiB before)"
    )


def measured(megabytes: int) -> dict[str, float]:
    """What taking in a row group of this size took."""
    with tempfile.TemporaryDirectory() as home:
        path = Path(home) / "lake" / "raw" / "quotes" / "large.parquet"
        path.parent.mkdir(parents=True)
        size = write(path, megabytes << 20)
        command = [sys.executable, __file__, "--child", home]
        answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    told: dict[str, float] = json.loads(answer.splitlines()[-1])
    return {**told, "size": size >> 20}


def write(path: Path, size: int) -> int:
    n_rows = size // BYTES_OF_A_ROW
    numbers = np.arange(n_rows)
    texts = pa.array([f"{number:0600x}" for number in range(n_rows)])
    orders = np.where(numbers % BROKEN_EACH == BROKEN_EACH - 1, 0.5, numbers % 7)
    columns = {
        "at": pa.array(START + numbers * 1_000_000, pa.timestamp("us", "UTC")),
        "book": pa.array(np.where(numbers % 2, "btc", "eth")),
        "bid": numbers / 3 + 1,
        "size": pa.array(numbers).cast(pa.decimal128(38, 10)),
        "venue": pa.StructArray.from_arrays([texts], ["name"]),
        "n": orders,
    }
    pq.write_table(pa.table(columns), path, row_group_size=n_rows, compression="snappy", use_dictionary=["book"])
    return int(pq.ParquetFile(path).metadata.row_group(0).total_byte_size)


if __name__ == "__main__":
    main()
