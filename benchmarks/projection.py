"""What 1 and 10 TB of text would take on a cluster: arithmetic over measured numbers, each named with where it was measured.

Nothing is run. It holds where costs grow with rows, as they did from 3 to 10 million (`engines.py`), and planning with files, as it did
up to a million (`scaling_limits.py`, simulated files). What no measurement reaches is assumed, and named so: a machine's cores are as
fast as the ones measured, the store feeds them all, text comes in files of the size of a task, and new rows do not meet the table's.
"""

import argparse

# Measured by engines.py: Spark, 10 million rows of stocks.
INGEST_SECONDS, FEATURES_SECONDS = 2.32, 0.83
"""Of CPU, for a million rows, all processes."""
TEXT_BYTES, TABLE_BYTES, FEATURES_BYTES = 113.5, 19.7, 26.2
"""Of a row: as text, and as Parquet in each of the two tables."""
BATCH_SECONDS = 0.75
"""Of the driver's time for each batch, while nothing else is done: what two workers did not make shorter."""
# Measured by scaling_limits.py, simulated files.
PLAN_SECONDS, PLAN_BYTES = 45e-6, 600
"""Of the driver, for each data file of the table, where all are planned."""
OVERWRITE_SECONDS = 25e-6
MANIFEST_BYTES = 400
"""Of a data file's entry: a manifest of 8 MB has some 20,000."""
KEY_BYTES = 8
"""Of each new row's key, which the driver compares."""
# Prices of Google's public pages and a third party's (GKE Autopilot, us-central1, November 2026), with 4 GB for each core.
CORE_HOUR_DOLLARS = 0.0445 + 4 * 0.0049225
STORED_DOLLARS = 0.020
"""A GB and month."""
REQUEST_DOLLARS = 0.005 / 1000

SIZES = (1e12, 10e12)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cores", type=int, default=64)
    parser.add_argument("--batch-gb", type=float, nargs="+", default=[0.256, 16.0])
    arguments = parser.parse_args()
    found = [told(size, batch * 1e9, arguments.cores) for size in SIZES for batch in arguments.batch_gb]
    print(f"{arguments.cores} cores")
    for name in found[0]:
        print(f"| {name} | " + " | ".join(one[name] for one in found) + " |")


def told(size: float, batch: float, cores: int) -> dict[str, str]:
    rows = size / TEXT_BYTES
    batches = max(1, round(size / batch))
    tasks = batches * cores
    files = 2 * tasks  # a task writes one of each table
    busy = rows / 1e6 * (INGEST_SECONDS + FEATURES_SECONDS)
    serial = batches * BATCH_SECONDS + files * (PLAN_SECONDS + OVERWRITE_SECONDS)
    hours = (busy / cores + serial) / 3600
    stored = rows * (TABLE_BYTES + FEATURES_BYTES)
    return {
        "text": f"{size / 1e12:.0f} TB",
        "a batch": f"{batch / 1e9:.3g} GB",
        "rows": f"{rows / 1e9:.1f} billion",
        "tasks, of text each": f"{tasks:,.0f}, {size / tasks / 1e6:,.0f} MB",
        "data files, of MB each": f"{files:,.0f}, {stored / files / 1e6:,.1f}",
        "commits": f"{batches:,.0f}",
        "keys of a batch, in the driver": f"{batch / TEXT_BYTES * KEY_BYTES / 1e9:,.2f} GB",
        "manifests": f"{files * MANIFEST_BYTES / 1e6:,.0f} MB",
        "driver, planning all files": f"{files * PLAN_SECONDS:,.0f} s, {files * PLAN_BYTES / 1e9:,.2f} GB",
        "CPU of tasks": f"{busy / 3600:,.1f} core hours",
        "driver alone": f"{serial / 60:,.0f} min",
        "in all": f"{hours:,.1f} h",
        "cores, with the driver's time": f"${hours * cores * CORE_HOUR_DOLLARS:,.2f}",
        "requests that write": f"${2 * files * REQUEST_DOLLARS:,.2f}",
        "tables, a month": f"${stored / 1e9 * STORED_DOLLARS:,.0f}",
    }


if __name__ == "__main__":
    main()
