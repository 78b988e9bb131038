"""A serverless batch of Dataproc: submitted once, followed to its end, cancelled when whoever follows it is interrupted.

The name of a batch is its key: whoever asks for the same key again, after a lost answer or as another process, follows the batch that is
there. One that failed or was cancelled is tried anew, as `key-2` and so on.
"""

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from uuid import NAMESPACE_URL, uuid5

from google.api_core.exceptions import (
    AlreadyExists,
    DeadlineExceeded,
    GoogleAPICallError,
    InternalServerError,
    NotFound,
    RetryError,
    ServiceUnavailable,
)
from google.api_core.retry import Retry, if_exception_type
from google.auth.exceptions import GoogleAuthError
from google.cloud.dataproc_v1 import (
    Batch,
    BatchControllerClient,
    CreateBatchRequest,
    EnvironmentConfig,
    ExecutionConfig,
    PySparkBatch,
    RuntimeConfig,
)

from cryptodudez_assets.launching import LaunchFailed, Unlaunchable
from cryptodudez_assets.launching.workload import arguments, insist_on_launchable, properties
from cryptodudez_assets.settings import Settings

KEY = re.compile(r"[a-z]([a-z0-9-]{2,57}[a-z0-9])")
"""How a batch may be called, with room for the number of a further attempt."""
LOOK_SECONDS = 5.0
"""Between two looks at how it goes."""
ANSWER_SECONDS = 60.0
AGAIN = Retry(
    predicate=if_exception_type(ServiceUnavailable, DeadlineExceeded, InternalServerError),
    initial=1.0,
    maximum=30.0,
    timeout=300.0,
)
"""Each call may be made again: submitting, too, since the name is given."""
WRONG = {Batch.State.FAILED, Batch.State.CANCELLED, Batch.State.CANCELLING}
ENDED = {Batch.State.FAILED, Batch.State.CANCELLED, Batch.State.SUCCEEDED}


def batch_of(settings: Settings, sources: Sequence[str], *, check_all: bool = False) -> Batch:
    """The batch that runs what is pending for these sources (for none named, all). Raises Unlaunchable."""
    insist_on_launchable(settings)
    return Batch(
        pyspark_batch=PySparkBatch(
            main_python_file_uri=settings.dataproc_main, args=arguments(settings, sources, check_all=check_all)
        ),
        runtime_config=RuntimeConfig(
            version=settings.dataproc_runtime,
            container_image=settings.dataproc_image,
            properties=properties(settings),
        ),
        environment_config=EnvironmentConfig(
            execution_config=ExecutionConfig(
                service_account=settings.dataproc_service_account, subnetwork_uri=settings.dataproc_subnetwork
            )
        ),
        labels={"started-by": "cryptodudez"},
    )


@dataclass(frozen=True)
class Batches:
    """The batches of a project in a region. `pause` waits between two looks, in seconds."""

    client: BatchControllerClient
    project: str
    region: str
    pause: Callable[[float], None] = time.sleep

    def run(self, batch: Batch, key: str, say: Callable[[str], None]) -> Batch:
        """Have it run, and follow it: each state is said, with its reason. Gives the batch as it ended well.

        Raises LaunchFailed where it did not, or can no longer be followed. Any other interruption has it cancelled.
        """
        if not KEY.fullmatch(key):
            raise Unlaunchable(f"a batch cannot be called {key!r}: a-z, 0-9 and -, 4 to 59 of them, a letter first")
        name = f"{self._parent}/batches/{key}"
        try:
            name, there = self._place(key, say)
            if not there:
                self._create(batch, name)
            ended = self._follow(name, say)
        except (GoogleAPICallError, RetryError, GoogleAuthError) as error:
            raise LaunchFailed(
                f"Dataproc refused, or is out of reach: {error}. {_last(name)} may go on by itself"
            ) from error
        except Exception:
            raise
        except BaseException:
            self._cancel(name, say)
            raise
        if ended.state != Batch.State.SUCCEEDED:
            where = f"; what it printed: {ended.runtime_info.output_uri}" if ended.runtime_info.output_uri else ""
            raise LaunchFailed(f"{_last(name)} {_word(ended.state)}: {ended.state_message or 'no reason given'}{where}")
        return ended

    @property
    def _parent(self) -> str:
        return f"projects/{self.project}/locations/{self.region}"

    def _place(self, key: str, say: Callable[[str], None]) -> tuple[str, bool]:
        """The name of the first attempt that did not go wrong, and whether it is there."""
        first = name = f"{self._parent}/batches/{key}"
        for number in count(2):
            try:
                found = self._get(name)
            except NotFound:
                return name, False
            if found.state not in WRONG:
                say(f"{_last(name)} is there already: it is followed")
                break
            name = f"{first}-{number}"
        return name, True

    def _create(self, batch: Batch, name: str) -> None:
        request = CreateBatchRequest(
            parent=self._parent, batch=batch, batch_id=_last(name), request_id=str(uuid5(NAMESPACE_URL, name))
        )
        try:
            self.client.create_batch(request, retry=AGAIN, timeout=ANSWER_SECONDS)
        except AlreadyExists:
            return  # an answer was lost, or another process was quicker: it is the same batch

    def _follow(self, name: str, say: Callable[[str], None]) -> Batch:
        told: set[Batch.State] = set()
        while True:
            found = self._get(name)
            for state, message in [
                *((one.state, one.state_message) for one in found.state_history),
                (found.state, found.state_message),
            ]:
                if state not in told:
                    told.add(state)
                    say(f"{_last(name)} is {_word(state)}{f': {message}' if message else ''}")
            if found.state in ENDED:
                return found
            self.pause(LOOK_SECONDS)

    def _get(self, name: str) -> Batch:
        return self.client.get_batch(name=name, retry=AGAIN, timeout=ANSWER_SECONDS)

    def _cancel(self, name: str, say: Callable[[str], None]) -> None:
        """Ask for its end; that this cannot be done is said, since what interrupted is told anyhow."""
        try:
            self.client.cancel_operation({"name": self._get(name).operation}, timeout=ANSWER_SECONDS)
        except (GoogleAPICallError, RetryError) as error:
            say(f"{_last(name)} could not be cancelled: {error}")
        else:
            say(f"{_last(name)} is asked to be cancelled")


def _last(name: str) -> str:
    return name.rpartition("/")[2]


def _word(state: Batch.State) -> str:
    return str(Batch.State(state).name).lower()
