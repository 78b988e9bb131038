"""Queries in X's words, as far as the simulated X understands them: words, quoted phrases, `from:`, `lang:`, `is:`, `-` and `OR`."""

import re
import shlex
from collections.abc import Callable, Collection

from cryptodudez_assets.simulator.venues.x.world import Written

Test = Callable[[Written], bool]
KINDS: dict[str, Test] = {
    "retweet": lambda post: post.reposts is not None,
    "reply": lambda post: post.answers is not None,
}


class Unsearchable(ValueError):
    """A query that the simulated X does not understand."""


def matcher(query: str) -> Test:
    """Whether a post matches. Words side by side must all match, `OR` binds weaker. Raises Unsearchable."""
    if "(" in query or ")" in query:
        raise Unsearchable("There are errors processing your request: parentheses are not simulated")
    try:
        tokens = shlex.split(query.replace("'", r"\'"))
    except ValueError:
        raise Unsearchable("There are errors processing your request: missing closing quote") from None
    groups: list[list[Test]] = [[]]
    for token in tokens:
        if token == "OR":  # noqa: S105
            groups.append([])
        else:
            groups[-1].append(_test(token))
    if not all(groups):
        raise Unsearchable("There are errors processing your request: no viable alternative at input")
    return lambda post: any(all(test(post) for test in group) for group in groups)


def authors(query: str, usernames: Collection[str]) -> set[str]:
    """The users whose posts can match at all: those named by `from:`, where all alternatives name one."""
    named = [re.findall(r"(?:^|\s)from:(\w+)", group) for group in query.split(" OR ")]
    return {name for group in named for name in group} if all(named) else set(usernames)


def _test(token: str) -> Test:
    if token.startswith("-"):
        inner = _test(token[1:])
        return lambda post: not inner(post)
    operator, colon, value = token.partition(":")
    if not colon:
        word = re.compile(rf"(?<!\w){re.escape(token)}(?!\w)", re.IGNORECASE)
        return lambda post: word.search(post.text) is not None
    if operator == "from":
        return lambda post: post.author.username.lower() == value.lower()
    if operator == "lang":
        return lambda post: post.language == value
    if operator == "is" and value in KINDS:
        return KINDS[value]
    raise Unsearchable(f"Reference to invalid operator '{operator}'. Operator is not available in current product.")
