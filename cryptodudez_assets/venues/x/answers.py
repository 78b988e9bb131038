"""What X writes, field by field and in its order, for the server that stands in. Reading belongs to `protocol.py`.

Fields that were not asked for, and those that are null, are left out.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec

ENCODE = msgspec.json.Encoder().encode
ALWAYS = ("id", "text", "edit_history_tweet_ids")
ALWAYS_OF_USER = ("id", "name", "username")
PROBLEMS = "https://api.twitter.com/2/problems/"
TOO_MANY = ENCODE({"title": "Too Many Requests", "detail": "Too Many Requests", "type": "about:blank", "status": 429})
UNAUTHORIZED = ENCODE({"title": "Unauthorized", "type": "about:blank", "status": 401, "detail": "Unauthorized"})
UNAVAILABLE = ENCODE(
    {"title": "Service Unavailable", "detail": "Service Unavailable", "type": "about:blank", "status": 503}
)
CAPPED = ENCODE(
    {
        "title": "UsageCapExceeded",
        "detail": "Usage cap exceeded: Monthly product cap",
        "type": f"{PROBLEMS}usage-capped",
        "period": "Monthly",
        "scope": "Product",
    }
)


def page(
    posts: Sequence[Mapping[str, Any]],
    users: Sequence[Mapping[str, Any]],
    next_token: str | None,
    errors: Sequence[Mapping[str, Any]] = (),
) -> bytes:
    """A page of posts, the newest first. An empty one says only that."""
    if not posts:
        return ENCODE({"meta": {"result_count": 0}, **({"errors": errors} if errors else {})})
    meta = {"result_count": len(posts), "newest_id": posts[0]["id"], "oldest_id": posts[-1]["id"]}
    return ENCODE(
        {
            "data": posts,
            **({"includes": {"users": users}} if users else {}),
            **({"errors": errors} if errors else {}),
            "meta": meta | ({"next_token": next_token} if next_token else {}),
        }
    )


def chosen(all_fields: Mapping[str, Any], asked: Collection[str], always: Collection[str]) -> dict[str, Any]:
    """The fields that were asked for, and those that always come."""
    return {
        name: value for name, value in all_fields.items() if name in always or (name in asked and value is not None)
    }


def data(content: Any) -> bytes:
    """An answer about one thing."""
    return ENCODE({"data": content})


def invalid(parameter: str, value: str, message: str) -> bytes:
    """What is said of a request that cannot be."""
    return ENCODE(
        {
            "errors": [{"parameters": {parameter: [value]}, "message": message}],
            "title": "Invalid Request",
            "detail": "One or more parameters to your request was invalid.",
            "type": f"{PROBLEMS}invalid-request",
        }
    )


def not_found(kind: str, parameter: str, value: str) -> dict[str, Any]:
    """A part of an answer that is not there; it comes with status 200."""
    return {
        "value": value,
        "detail": f"Could not find {kind} with {parameter}: [{value}].",
        "title": "Not Found Error",
        "resource_type": kind,
        "parameter": parameter,
        "resource_id": value,
        "type": f"{PROBLEMS}resource-not-found",
    }


def problem(status: int, title: str, detail: str) -> bytes:
    """A refusal without a type of its own."""
    return ENCODE({"title": title, "detail": detail, "type": "about:blank", "status": status})
