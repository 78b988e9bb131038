"""`compose.yaml`: its form, that it starts commands and names settings which the platform has, and that nothing of it is for other hosts.

No engine is started: images of others cannot be pulled everywhere.
"""

import re
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml  # type: ignore[import-untyped]
from click import Context, Group

from cryptodudez_assets.cli import main
from cryptodudez_assets.settings import PREFIX, Settings
from cryptodudez_assets_tests.conftest import ROOT

VARIABLE = re.compile(r"\$\{(\w+):-([^}]*)\}")
KNOWN = {
    *(
        "image",
        "restart",
        "network_mode",
        "user",
        "read_only",
        "cap_drop",
        "security_opt",
        "tmpfs",
        "command",
        "entrypoint",
    ),
    *("ports", "volumes", "healthcheck", "depends_on", "environment"),
}
CONDITIONS = {"service_started", "service_healthy", "service_completed_successfully"}


def told(**variables: str) -> dict[str, Any]:
    """What an engine is told, with its variables put in."""
    text = VARIABLE.sub(lambda found: variables.get(found[1], found[2]), (ROOT / "compose.yaml").read_text())
    assert "${" not in text, "a variable without a default"
    parsed: dict[str, Any] = yaml.safe_load(text)
    return parsed


SERVICES = told()["services"]
each_service = pytest.mark.parametrize("name", SERVICES)


@each_service
def test_a_service_names_only_what_there_is(name: str) -> None:
    service, whole = SERVICES[name], told()
    assert set(service) <= KNOWN
    assert ":" in service["image"].rpartition("/")[2]
    for other, how in service.get("depends_on", {}).items():
        assert how["condition"] in CONDITIONS
        assert other in SERVICES
        assert ("healthcheck" in SERVICES[other]) >= (how["condition"] == "service_healthy")
    named = {volume.partition(":")[0] for volume in service.get("volumes", ())}
    assert {one for one in named if one.isidentifier()} <= set(whole["volumes"])


@each_service
def test_nothing_listens_but_on_loopback(name: str) -> None:
    service = SERVICES[name]
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
    if service.get("network_mode") == "host":
        assert "--host" not in service["command"], "which is 127.0.0.1 by itself"


def test_services_are_started_as_the_platform_takes_them() -> None:
    commands = [one["command"] for one in SERVICES.values() if one.get("command", [""])[0] == "cryptodudez"]
    assert {" ".join(words[1:3]) for words in commands} == {"simulate bitso", "up --port"}
    for _, *words in commands:
        group: Any = main
        while isinstance(group, Group):
            group = group.get_command(Context(group), words.pop(0))
        group.make_context("here", words)  # raises where it does not know an option


def test_settings_are_the_platform_s_and_lead_to_what_is_started() -> None:
    told_of = SERVICES["platform"]["environment"]
    names = {name: value for name, value in told_of.items() if name.startswith(PREFIX)}
    settings = Settings(**{name.removeprefix(PREFIX).lower(): value for name, value in names.items()})
    published = {port.split(":")[1] for one in SERVICES.values() for port in one.get("ports", ())}
    databases = re.findall(r"CREATE DATABASE (\w+);", SERVICES["database"]["entrypoint"][-1])
    asked = [settings.catalog, settings.online, settings.notifications, settings.dagster]
    assert {urlsplit(one).path.strip("/") for one in asked} == {
        *databases,
        SERVICES["database"]["environment"]["POSTGRES_DB"],
    }
    assert {str(urlsplit(one).port) for one in (*asked, settings.s3_endpoint)} == published
    assert settings.lake.split("/")[2] in SERVICES["lake"]["entrypoint"][-1].split()
    exchange = SERVICES["exchange"]["command"]
    assert {urlsplit(one).port for one in (settings.bitso_rest_url, settings.bitso_ws_url)} == {int(exchange[-1])}


def test_a_secret_is_said_once_for_those_who_ask_and_those_who_answer() -> None:
    whole = told(S3_SECRET="other", POSTGRES_PASSWORD="another")  # noqa: S106  (of this test)
    services = whole["services"]
    environment, bucket = services["platform"]["environment"], services["bucket"]["environment"]
    assert bucket == {name: value for name, value in environment.items() if name.startswith("AWS_")}
    assert "other" in bucket.values()
    assert (
        urlsplit(environment["CRYPTODUDEZ_CATALOG"]).password
        == services["database"]["environment"]["POSTGRES_PASSWORD"]
    )
