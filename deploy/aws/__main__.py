"""The program that `pulumi up` runs here: the lake's buckets and queue on Amazon. What it shares with Google's is in `../stack/`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import pulumi
from amazon.config import AmazonConfig
from amazon.platform import build
from stack.config import Wrong, as_declared

try:
    config = as_declared(AmazonConfig, pulumi.Config().require_object("stack"), "cryptodudez-aws:stack")
except Wrong as wrong:
    raise SystemExit(str(wrong)) from None
build(pulumi.Config("aws").require("region"), config)
