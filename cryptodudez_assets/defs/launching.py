"""The job that has a run done on Dataproc: on a cluster by Dagster's own Pipes client, else as a serverless batch.

What is told to it and how a batch is followed is `launching/`. The workload's own runs are recorded where it has its home, not here.
"""

from uuid import NAMESPACE_URL, uuid5

import dagster as dg
from pydantic import Field

from cryptodudez_assets.defs.resources import ENGINE_TAG, LakeResource
from cryptodudez_assets.launching import LaunchFailed, Unlaunchable
from cryptodudez_assets.launching.workload import arguments, insist_on_launchable, properties
from cryptodudez_assets.settings import Settings

NAME = "dataproc"
RETRIED = "dagster/retry_number"
"""Of a run that Dagster began again by itself, since its process died: it follows what the first one launched."""


class Pending(dg.Config):
    """What is to be run: all that is pending, or of these sources only; and whether all rows are to be judged."""

    select: list[str] = Field(default_factory=list)
    check_all: bool = False


def build_launching() -> dg.JobDefinition:
    """The job; it is there where CRYPTODUDEZ_DATAPROC_PROJECT is set."""

    @dg.op(description="`cryptodudez run --engine spark` on Dataproc, followed to its end; cancelled with this run.")
    def run_on_dataproc(context: dg.OpExecutionContext, lake: LakeResource, config: Pending) -> None:
        try:
            insist_on_launchable(lake.settings)
            launch = _on_cluster if lake.settings.dataproc_cluster else _as_batch
            launch(context, lake.settings, config)
        except (LaunchFailed, Unlaunchable) as error:
            raise dg.Failure(str(error), allow_retries=False) from None

    @dg.job(
        name=NAME,
        # One that died is begun again, one that failed is not; and there is one at a time, as of other runs on Spark.
        tags={"dagster/retry_on_asset_or_op_failure": "false", ENGINE_TAG: "spark"},
        description="What is pending, run on Dataproc: on CRYPTODUDEZ_DATAPROC_CLUSTER, or else as a serverless batch.",
    )
    def launched() -> None:
        run_on_dataproc()

    return launched


def _as_batch(context: dg.OpExecutionContext, settings: Settings, what: Pending) -> None:
    from cryptodudez_assets.launching.batches import Batches, batch_of
    from cryptodudez_assets.launching.clients import batch_client

    batch = batch_of(settings, what.select, check_all=what.check_all)
    batches = Batches(batch_client(settings), settings.dataproc_project, settings.dataproc_region)
    ended = batches.run(batch, f"run-{_asked_by(context.run)}", context.log.info)
    context.add_output_metadata({"batch": ended.name, "output": ended.runtime_info.output_uri})


def _on_cluster(context: dg.OpExecutionContext, settings: Settings, what: Pending) -> None:
    from dagster_gcp.pipes import PipesDataprocJobClient, PipesGCSMessageReader
    from google.cloud.dataproc_v1 import Job, JobPlacement, PySparkJob, SubmitJobRequest

    from cryptodudez_assets.launching.batches import LOOK_SECONDS
    from cryptodudez_assets.launching.clients import job_client, storage_client

    job = Job(
        placement=JobPlacement(cluster_name=settings.dataproc_cluster),
        pyspark_job=PySparkJob(
            main_python_file_uri=settings.dataproc_main,
            args=arguments(settings, what.select, check_all=what.check_all),
            properties=properties(settings),
        ),
    )
    request = SubmitJobRequest(
        project_id=settings.dataproc_project,
        region=settings.dataproc_region,
        job=job,
        request_id=str(uuid5(NAMESPACE_URL, _asked_by(context.run))),
    )
    reader = PipesGCSMessageReader(
        bucket=settings.dataproc_bucket, client=storage_client(settings), interval=LOOK_SECONDS
    )
    client = PipesDataprocJobClient(reader, job_client(settings), poll_interval=LOOK_SECONDS)
    done = client.run(context=context, submit_job_params={"request": request})
    context.add_output_metadata(dict(done.metadata))


def _asked_by(run: dg.DagsterRun) -> str:
    """The run that asked first."""
    return run.root_run_id if RETRIED in run.tags and run.root_run_id else run.run_id
