"""What Spark begins with on Dataproc: the `cryptodudez` command, in an environment that its arguments add to.

    run.py NAME=value … COMMAND …

Where Dagster began it on a cluster, two arguments of its own stand behind the command: then it is told by Pipes how that went.
"""

import os
import runpy
import sys
from itertools import takewhile

DAGSTERS = "--dagster-pipes-"


def main(arguments: list[str]) -> None:
    """Take what was told, and begin."""
    settings = list(takewhile(lambda one: "=" in one and not one.startswith("-"), arguments))
    os.environ.update({name: value for name, _, value in (one.partition("=") for one in settings)})
    command = list(takewhile(lambda one: not one.startswith(DAGSTERS), arguments[len(settings) :]))
    if len(settings) + len(command) == len(arguments):
        begin(command)
    else:
        begin_for_dagster(command)


def begin(command: list[str]) -> None:
    """The command; ends as it does, by SystemExit."""
    sys.argv = ["cryptodudez", *command]
    runpy.run_module("cryptodudez_assets", run_name="__main__")


def begin_for_dagster(command: list[str]) -> None:
    """The same, told to the run that waits for it; raises where it did not go well."""
    from dagster_pipes import PipesCliArgsParamsLoader, PipesGCSMessageWriter, open_dagster_pipes
    from google.cloud.storage import Client

    with open_dagster_pipes(
        params_loader=PipesCliArgsParamsLoader(), message_writer=PipesGCSMessageWriter(Client(), interval=1)
    ) as dagster:
        dagster.log.info(f"begins: cryptodudez {' '.join(command)}")
        try:
            begin(command)
        except SystemExit as ended:
            if ended.code:
                raise RuntimeError(f"cryptodudez ended with {ended.code}: what it printed says why") from None
        dagster.log.info("done")


if __name__ == "__main__":
    main(sys.argv[1:])
