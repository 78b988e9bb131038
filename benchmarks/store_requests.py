"""How often a bucket is asked: for a file that lands, alone and among others, and in an hour in which nothing does.

Requests are counted before SeaweedFS, and by the gateway of Google's stand-in, by kind: `write` and `list` are what Google bills as
class A and Amazon as tier 1, `read` is class B or tier 2, `delete` is free. For an idle hour one tick of each source's sensor is counted
and multiplied.
"""

import argparse
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import dagster as dg

from cryptodudez_assets.defs.build import build_definitions
from cryptodudez_assets.defs.resources import LakeResource
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.models.registry import Registry
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets_tests.builders import open_lake, put, take_in
from cryptodudez_assets_tests.counting_proxy import counting_proxy, counts
from cryptodudez_assets_tests.integration.conftest import free_ports, google_bucket, s3_bucket
from cryptodudez_assets_tests.serving_builders import champion
from cryptodudez_assets_tests.stores import GS, S3, Store, in_environment
from serving.model_slot import POLL_BUCKET_SECONDS

SOURCE = all_sources()["crypto_prices"]
HEADER = "SNo,Name,Symbol,Date,High,Low,Open,Close,Volume,Marketcap\n"
KINDS = ("write", "list", "read", "delete")
HOUR = 3600


def main() -> None:
    """Count, and print a table for each store."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=20, help="how many files land together")
    files = parser.parse_args().files
    for name in (S3, GS):
        with _store(name) as store, tempfile.TemporaryDirectory() as folder:
            _count(store, Path(folder) / "home", files)


@contextmanager
def _store(name: str) -> Iterator[Store]:
    with ExitStack() as stack:
        endpoint = stack.enter_context(s3_bucket() if name == S3 else google_bucket())
        if name == S3:
            endpoint = stack.enter_context(counting_proxy(endpoint, free_ports(1)[0]))
        yield Store(name, endpoint)


def _count(store: Store, home: Path, files: int) -> None:
    settings = store.settings(home)
    lake = open_lake(settings)
    print(f"{store.name:<34}{''.join(f'{kind:>9}' for kind in (*KINDS, 'all'))}")
    _land(lake, [0])
    _told("first file of all, with its tables", counts(store.endpoint))
    for number in range(1, 4):
        _land(lake, [number])
    _told("a file that lands alone", counts(store.endpoint), 1 / 3)
    _land(lake, list(range(4, 4 + files)))
    _told(f"each of {files} that land together", counts(store.endpoint), 1 / files)
    with in_environment(settings):
        ticks = _tick(lake, store)
    for seconds, why in ((settings.sensor_seconds, "listing only"), (settings.reconcile_seconds, "events on")):
        _told(f"idle hour, {why}", ticks, HOUR / seconds)
    registry = champion(settings)
    counts(store.endpoint)
    Registry(settings, registry.name).generation()
    _told("idle hour of serving, a model", counts(store.endpoint), HOUR / POLL_BUCKET_SECONDS)
    print()


def _land(lake: Lake, numbers: list[int]) -> None:
    for number in numbers:
        day = f"20{10 + number // 300:02}-{1 + number // 25 % 12:02}-{1 + number % 25:02}"
        put(lake, f"{number:04}.csv", f"{HEADER}1,Coin,C,{day} 23:59:59,2,1,1,1.5,10,100\n".encode(), SOURCE)
    take_in(lake, SOURCE)


def _tick(lake: Lake, store: Store) -> Counter[str]:
    """What a tick of all sources' sensors asks once each has looked before."""
    resource = LakeResource(home=str(lake.settings.home))
    definitions = build_definitions(all_sources().values(), lake=resource)
    sensors = [one for one in definitions.sensors or () if one.name.endswith("_files")]
    with dg.DagsterInstance.ephemeral() as instance:
        cursors: dict[str, str | None] = {}
        for _ in range(2):
            counts(store.endpoint)
            for sensor in sensors:
                told = sensor(dg.build_sensor_context(instance, cursor=cursors.get(sensor.name)))
                assert isinstance(told, dg.SensorResult)
                cursors[sensor.name] = told.cursor
    print(f"({len(sensors)} sensors of sources)")
    return counts(store.endpoint)


def _told(what: str, counted: Counter[str], times: float = 1) -> None:
    numbers = [*(counted[kind] * times for kind in KINDS), counted.total() * times]
    print(f"{what:<34}{''.join(f'{number:>9,.1f}' for number in numbers)}", flush=True)


if __name__ == "__main__":
    main()
