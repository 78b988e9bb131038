"""`python -m cryptodudez_assets` is `cryptodudez`."""

from cryptodudez_assets.cli import main

main()
