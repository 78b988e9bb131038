"""How each library is told where a bucket is that is not Amazon's or Google's own: obstore, pyiceberg and Polars.

Credentials are not here: the libraries find them in the environment. A stand-in for Google Cloud Storage has none.
"""

import json
from collections.abc import Mapping

from cryptodudez_assets.settings import Settings

# Without a token pyarrow would look for Google's own credentials; a stand-in takes any, for as long as the process lives.
ANY_TOKEN = {"gcs.oauth2.token": "none", "gcs.oauth2.token-expires-at": "4102444800000"}


def for_obstore(settings: Settings, root: str) -> tuple[dict[str, str], dict[str, bool]]:
    """Options of the store with this root, and of its HTTP client."""
    options: dict[str, str] = {}
    endpoint = ""
    if root.startswith("s3://"):
        endpoint = settings.s3_endpoint
        options = {"region": settings.s3_region}
        if endpoint:
            options |= {"endpoint": endpoint, "virtual_hosted_style_request": "false"}
    elif settings.gs_endpoint:
        endpoint = settings.gs_endpoint
        options = {"service_account_key": _nobody(endpoint)}
    return options, {"allow_http": endpoint.startswith("http://")}


def for_iceberg(settings: Settings) -> dict[str, str]:
    """Properties of the catalog, which become those of every table's files."""
    told: dict[str, str] = {}
    if settings.s3_endpoint:
        told |= {"s3.endpoint": settings.s3_endpoint, "s3.region": settings.s3_region}
    if settings.gs_endpoint:
        told |= {"gcs.service.host": settings.gs_endpoint, **ANY_TOKEN}
    return told


def of_stores(properties: Mapping[str, str]) -> dict[str, str]:
    """Of a table's properties those that say where its files are: others hold the catalog's address, and its password."""
    return {name: value for name, value in properties.items() if name.startswith(("s3.", "gcs."))}


def for_polars(properties: Mapping[str, str], location: str) -> dict[str, str] | None:
    """Storage options for a file at this location, from the properties of its table; None for a file of this machine."""
    if "://" not in location:
        return None
    s3, gs = properties.get("s3.endpoint", ""), properties.get("gcs.service.host", "")
    if location.startswith("gs://"):
        return {"google_service_account_key": _nobody(gs), **_allow_http(gs)} if gs else {}
    if not s3:
        return {}
    return {"aws_endpoint_url": s3, "aws_region": properties["s3.region"], **_allow_http(s3, "aws_")}


def _allow_http(endpoint: str, prefix: str = "") -> dict[str, str]:
    return {f"{prefix}allow_http": "true"} if endpoint.startswith("http:") else {}


def _nobody(endpoint: str) -> str:
    """The key of a service account that needs no token: the one way in which both libraries ask another server."""
    nobody = {"client_email": "", "private_key": "", "private_key_id": ""}
    return json.dumps({"gcs_base_url": endpoint, "disable_oauth": True, **nobody})
