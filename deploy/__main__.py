"""The program that `pulumi up` runs here."""

import pulumi
from stack.config import Wrong, read
from stack.platform import build

told, google = pulumi.Config(), pulumi.Config("gcp")
try:
    config = read(told.require_object("stack"))
except Wrong as wrong:
    raise SystemExit(str(wrong)) from None
build(google.require("project"), google.require("region"), config, told)
