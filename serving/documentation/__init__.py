"""`/docs`: Swagger UI out of a package. The page loads nothing from elsewhere and has nothing inline, so its policy can forbid both."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from litestar import Request, Router
from litestar.openapi.plugins import OpenAPIRenderPlugin
from litestar.static_files import create_static_files_router

from serving.errors import NO_FILE

DOCS, ASSETS, SCHEMA = "/docs", "/docs-assets", "/openapi.json"
STATIC = Path(__file__).parent / "static"
# Swagger UI draws its arrows from `data:` images.
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
PAGE = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>CryptoDudez</title>
<link rel="icon" href="{ASSETS}/favicon-32x32.png">
<link rel="stylesheet" href="{ASSETS}/swagger-ui.css">
<script src="{ASSETS}/swagger-ui-bundle.js" defer></script>
<script src="{ASSETS}/start.js" data-schema="{DOCS}{SCHEMA}" defer></script>
</head>
<body id="documentation"></body>
</html>
"""


class Documentation(OpenAPIRenderPlugin):
    """The page, which asks for the schema itself."""

    def __init__(self) -> None:
        super().__init__(path="/")

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """Give the page; it is the same for every schema."""
        return PAGE.encode()


def documentation_router() -> Router:
    """Where the page and the schema are."""
    return Router(
        DOCS,
        route_handlers=[],
        response_headers={"Content-Security-Policy": POLICY},
        include_in_schema=False,
    )


def documentation_assets() -> Router:
    """Swagger UI's own files and what starts it."""
    package = find_spec("swagger_ui")
    assert package is not None and package.origin is not None  # noqa: S101, PT018  (it is a dependency)
    return create_static_files_router(
        path=ASSETS,
        directories=[STATIC, Path(package.origin).parent / "static"],
        name="docs_assets",
        exception_handlers=NO_FILE,
        include_in_schema=False,
    )
