"""Google's clients, with the credentials that Google's own tools find. Each raises Unlaunchable where there are none."""

from collections.abc import Callable
from typing import TypeVar

from google.api_core.client_options import ClientOptions
from google.auth.exceptions import GoogleAuthError
from google.cloud.dataproc_v1 import BatchControllerClient, JobControllerClient
from google.cloud.storage import Client as StorageClient

from cryptodudez_assets.launching import Unlaunchable
from cryptodudez_assets.settings import Settings

Made = TypeVar("Made")


def batch_client(settings: Settings) -> BatchControllerClient:
    """Dataproc's batches, in the region of the settings."""
    return _made(lambda: BatchControllerClient(client_options=_regional(settings)))


def job_client(settings: Settings) -> JobControllerClient:
    """Dataproc's jobs on clusters, in the region of the settings."""
    return _made(lambda: JobControllerClient(client_options=_regional(settings)))


def storage_client(settings: Settings) -> StorageClient:
    """Buckets, through which a job speaks to Dagster."""
    return _made(lambda: StorageClient(settings.dataproc_project))


def _regional(settings: Settings) -> ClientOptions:
    return ClientOptions(api_endpoint=f"{settings.dataproc_region}-dataproc.googleapis.com:443")


def _made(client: Callable[[], Made]) -> Made:
    try:
        return client()
    except GoogleAuthError as error:
        raise Unlaunchable(f"Google's credentials are not found: {error}") from None
