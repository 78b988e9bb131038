"""The job that lets go of posts that are deleted at X, and its schedule: what `cryptodudez comply` does, by itself each day."""

from collections import Counter
from typing import Any

import dagster as dg

from cryptodudez_assets.defs.resources import LakeResource
from cryptodudez_assets.erasing.complying import comply
from cryptodudez_assets.erasing.work import RunUnderWay
from cryptodudez_assets.lake.erasing.registry import NoKey
from cryptodudez_assets.venues.http import Failed
from cryptodudez_assets.venues.x.api import NO_TOKEN

NAME = "comply"
CRON = "40 2 * * *"
PATIENCE_SECONDS = 120.0
"""So long other runs are waited for; those that begin meanwhile wait for this one."""
AGAIN, AGAIN_SECONDS = 12, 600
"""So often a pass that met a run that took longer is made again, and after how long."""


def build_complying(lake: LakeResource) -> tuple[dg.JobDefinition, dg.ScheduleDefinition]:
    """The job, and when it is done where X may be asked."""

    @dg.op(
        description="Ask X which of the posts that are kept are deleted, and remove these from everything that is kept. Runs that are "
        "under way are waited for, and none begins meanwhile."
    )
    def let_go_of_posts(context: dg.OpExecutionContext, lake: LakeResource) -> None:
        try:
            done = comply(lake.open(), say=context.log.info, own_run=context.run_id, patience_seconds=PATIENCE_SECONDS)
        except RunUnderWay as error:
            context.log.warning(f"{error}; tried again in {AGAIN_SECONDS} s")
            raise dg.RetryRequested(max_retries=AGAIN, seconds_to_wait=AGAIN_SECONDS) from error
        except (Failed, NoKey, LookupError) as error:
            raise dg.Failure(str(error), allow_retries=False) from None
        metadata: dict[str, Any] = {
            "posts asked about": done.asked,
            "posts removed": len(done.gone) + done.again,
            "found by an earlier pass": done.again,
            "why": dict(Counter(one.reason for one in done.gone)),
            "left": list(done.left),
        }
        context.log.info(done.told)
        if done.left:
            raise dg.Failure(done.told, metadata=metadata, allow_retries=False)
        context.add_output_metadata(metadata)

    @dg.job(
        name=NAME,
        # One that was killed is begun again; for what the pass itself says, the next day is soon enough.
        tags={"dagster/retry_on_asset_or_op_failure": "false"},
        description="Posts that are deleted at X go from everything that is kept, as by `cryptodudez comply`. Needs "
        "CRYPTODUDEZ_X_TOKEN and CRYPTODUDEZ_ERASURE_KEY.",
    )
    def complying() -> None:
        let_go_of_posts()

    @dg.schedule(
        job=complying,
        name=f"{NAME}_daily",
        cron_schedule=CRON,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Each day, where a token for X is set.",
    )
    def daily() -> dg.RunRequest | dg.SkipReason:
        return dg.SkipReason(NO_TOKEN) if lake.settings.x_token is None else dg.RunRequest()

    return complying, daily
