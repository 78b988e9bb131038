"""A whole pass of compliance: X is asked which posts are not to be kept, and these are erased. The command and the job begin it here."""

from collections.abc import Callable, Sequence

from cryptodudez_assets.contracts.x_posts import POST
from cryptodudez_assets.erasing.erase import erase, insist_on_sql
from cryptodudez_assets.feeds.x import FEED
from cryptodudez_assets.fetching.access import access_of
from cryptodudez_assets.fetching.compliance import Honoured, honour
from cryptodudez_assets.lake.erasing.identity import Identity, Mode
from cryptodudez_assets.lake.erasing.registry import erasure_key
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.store.locks import sign_of_life
from cryptodudez_assets.venues.http import Failed


def comply(lake: Lake, *, say: Callable[[str], None], own_run: str = "", patience_seconds: float = 0.0) -> Honoured:
    """Have posts that are deleted at X removed from everything that is kept. Interrupted, the next pass goes on.

    `own_run`, `patience_seconds`: as for `erase`. Raises what `erase` and `honour` do; nothing is asked without the key for erasing.
    """
    erasure_key(lake.settings)
    insist_on_sql(lake.settings)  # before anything is asked for that costs money

    def remove(posts: Sequence[str]) -> list[str]:
        identities = [Identity(POST, one) for one in posts]
        receipt = erase(lake, identities, Mode.REMOVE, say=say, own_run=own_run, patience_seconds=patience_seconds)
        return [f"{place}: {why}" for place, why in receipt.left]

    with sign_of_life(lake.settings, "complying") as is_alone:  # two would wait for each other
        if not is_alone:
            raise Failed("another pass of compliance is under way: wait for its end")
        return honour(lake, access_of(lake.settings, FEED, say), remove, say=say)
