"""Online features in Redis (or Valkey), for many servers and many requests. Needs the extra `redis`."""

from collections.abc import Iterator, Sequence
from typing import Any

from cryptodudez_assets.feature_store.online_backend import OnlineRow

ROWS_A_CALL = 1000  # Redis does nothing else during a script
# A hash for each view: key -> "event known features". Times fit into Lua's numbers until the year 2255.
PUT = """
for i = 1, #ARGV, 4 do
  local key, event, known, features = ARGV[i], tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2]), ARGV[i + 3]
  local there_event, there_known = string.match(redis.call('HGET', KEYS[1], key) or '', '^(%S+) (%S+)')
  there_event, there_known = tonumber(there_event), tonumber(there_known)
  if not there_event or event > there_event or (event == there_event and known >= there_known) then
    redis.call('HSET', KEYS[1], key, ARGV[i + 1] .. ' ' .. ARGV[i + 2] .. ' ' .. features)
  end
end
"""


class RedisBackend:
    """Records in a hash for each view."""

    def __init__(self, url: str) -> None:
        try:
            from redis import Redis
        except ImportError as error:
            raise ImportError("the online store in Redis needs the extra: pip install 'cryptodudez[redis]'") from error
        self._redis: Any = Redis.from_url(url, decode_responses=True)
        self._put = self._redis.register_script(PUT)

    def put(self, view: str, records: Sequence[OnlineRow]) -> None:  # noqa: D102
        for start in range(0, len(records), ROWS_A_CALL):
            part = records[start : start + ROWS_A_CALL]
            self._put(keys=[_name(view)], args=[value for record in part for value in record])

    def get(self, view: str, keys: Sequence[str]) -> dict[str, OnlineRow]:  # noqa: D102
        texts = self._redis.hmget(_name(view), keys) if keys else []
        return dict(_found(keys, texts))

    def drop(self, view: str) -> None:  # noqa: D102
        self._redis.unlink(_name(view))

    def close(self) -> None:  # noqa: D102
        self._redis.close()


def _name(view: str) -> str:
    return f"cryptodudez:online:{view}"


def _found(keys: Sequence[str], texts: Sequence[str | None]) -> Iterator[tuple[str, OnlineRow]]:
    for key, text in zip(keys, texts, strict=True):
        if text is not None:
            event, known, features = text.split(" ", 2)
            yield key, OnlineRow(key, int(event), int(known), features)
